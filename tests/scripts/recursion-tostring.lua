-- want: error|memory|instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  setmetatable(t, { __tostring = function(s) return tostring(s) end })
  while true do pcall(tostring, t) end
end

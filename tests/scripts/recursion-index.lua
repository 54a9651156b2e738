-- want: error|memory|instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  setmetatable(t, { __index = function(_, k) return t[k .. 'x'] end })
  while true do pcall(function() return t.a end) end
end

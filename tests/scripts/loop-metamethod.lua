-- want: instructions|time
function pop3_policy_delete(session, message)
  local t = setmetatable({}, { __index = function(t, k) return k end })
  local n = 0
  while true do n = t[n] end
end

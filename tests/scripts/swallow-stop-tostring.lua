-- want: instructions|time
function pop3_policy_delete(session, message)
  local t = setmetatable({}, { __tostring = function() while true do end end })
  pcall(tostring, t)
  return policy.ALLOW
end

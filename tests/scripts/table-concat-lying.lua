-- want: error|deny
function pop3_policy_delete(session, message)
  local t = setmetatable({}, { __index = function() return 'x' end })
  return policy.DENY, 'x' .. table.concat(t)
end

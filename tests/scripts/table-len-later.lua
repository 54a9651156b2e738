-- want: error|deny
function pop3_policy_delete(session, message)
  local mt = {}
  local t = setmetatable({}, mt)
  mt.__len = function() return 1 << 40 end
  return policy.DENY, 'x' .. table.concat(t)
end

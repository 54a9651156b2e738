-- want: deny
function pop3_policy_delete(session, message)
  rawset(_G, 'pop3_policy_delete', function() return policy.ALLOW end)
  return policy.DENY, 'x'
end

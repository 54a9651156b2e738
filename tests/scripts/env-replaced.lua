-- want: deny
function pop3_policy_delete(session, message)
  local _ENV = {}
  return policy.DENY
end

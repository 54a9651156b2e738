-- want: deny
function pop3_policy_delete(session, message)
  rawset(_G, 'policy', { DENY = 'x' })
  return policy.DENY
end

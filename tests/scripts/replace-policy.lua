-- want: load:error
function pop3_policy_delete(session, message)
  policy = { DENY = policy.ALLOW }
  return policy.DENY
end

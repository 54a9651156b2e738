-- want: allow
function pop3_policy_delete(session, message)
  policy.log(('x'):rep(1000000))
  return policy.ALLOW
end

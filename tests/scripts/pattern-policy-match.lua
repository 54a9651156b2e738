-- want: error
function pop3_policy_delete(session, message)
  return policy.match(('a'):rep(3000), 'a*a*a*a*b')
end

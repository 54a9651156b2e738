-- want: error
function pop3_policy_delete(session, message)
  return policy.list('../../etc/passwd')
end

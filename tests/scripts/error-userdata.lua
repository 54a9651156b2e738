-- want: error
function pop3_policy_delete(session, message)
  error(policy.DENY)
end

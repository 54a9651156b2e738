-- want: load:error
error({})
function pop3_policy_delete(session, message)
  return policy.ALLOW
end

-- want: error
function pop3_policy_delete(session, message)
  return message:header(('x'):rep(1000000))
end

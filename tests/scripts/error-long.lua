-- want: error
function pop3_policy_delete(session, message)
  error(('x'):rep(1000000))
end

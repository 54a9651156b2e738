-- want: error
function pop3_policy_delete(session, message)
  return ('x'):rep(1 << 20, ('y'):rep(1000))
end

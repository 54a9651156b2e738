-- want: error
function pop3_policy_delete(session, message)
  return ('x'):rep(1 << 40)
end

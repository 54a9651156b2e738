-- want: memory
function pop3_policy_delete(session, message)
  return (('x'):rep(1000000)):gsub('x', ('y'):rep(1000))
end

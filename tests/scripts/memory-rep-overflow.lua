-- want: error
function pop3_policy_delete(session, message)
  return ('x'):rep(math.maxinteger, 'xxxxxxxx')
end

-- want: memory
function pop3_policy_delete(session, message)
  return string.format('%q', ('\0'):rep(1000000))
end

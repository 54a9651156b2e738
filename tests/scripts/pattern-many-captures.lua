-- want: error
function pop3_policy_delete(session, message)
  return ('a'):find(('('):rep(100) .. (')'):rep(100))
end

-- want: instructions|time|error
function pop3_policy_delete(session, message)
  return (('a'):rep(100)):find(('a?'):rep(100) .. ('a'):rep(101))
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  return (('('):rep(1000000)):find('%b()')
end

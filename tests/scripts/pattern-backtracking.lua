-- want: instructions|time
function pop3_policy_delete(session, message)
  return (('a'):rep(3000)):find('a*a*a*a*b')
end

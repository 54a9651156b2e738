-- want: instructions|time
function pop3_policy_delete(session, message)
  return (('a'):rep(200000)):find('(a*)%1b')
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  return (('a'):rep(3000)):match('.-.-.-.-b')
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  for x in (('a'):rep(3000)):gmatch('a*a*a*a*b') do end
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  while true do pcall(policy.match, ('a'):rep(3000), 'a*a*a*a*b') end
end

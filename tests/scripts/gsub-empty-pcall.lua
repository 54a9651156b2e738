-- want: instructions|time
function pop3_policy_delete(session, message)
  return (("x"):rep(1000000):gsub("", pcall))
end

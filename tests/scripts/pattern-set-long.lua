-- want: error
function pop3_policy_delete(session, message)
  return (("x"):find("[" .. ("%a"):rep(400000) .. "]"))
end

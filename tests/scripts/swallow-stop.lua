-- want: instructions|time
function pop3_policy_delete(session, message)
  pcall(function() while true do end end)
  return policy.ALLOW
end

-- want: load:instructions|time
while true do end
function pop3_policy_delete(session, message)
  return policy.ALLOW
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  while true do end
end

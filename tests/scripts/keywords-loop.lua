-- want: instructions|time|memory
function pop3_policy_delete(session, message)
  while true do local k = message.keywords end
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  for i in rawlen, {} do end
end

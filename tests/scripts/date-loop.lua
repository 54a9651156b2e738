-- want: instructions|time
function pop3_policy_delete(session, message)
  while true do os.date(("%c"):rep(50)) end
end

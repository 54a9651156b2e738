-- want: instructions|time
function pop3_policy_delete(session, message)
  local s = ("\195\164"):rep(400000)
  while true do utf8.len(s) utf8.offset(s, -399999) end
end

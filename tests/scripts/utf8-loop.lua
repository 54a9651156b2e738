-- want: instructions|time
function pop3_policy_delete(session, message)
  local s = ('x'):rep(1000000)
  while true do utf8.len(s) end
end

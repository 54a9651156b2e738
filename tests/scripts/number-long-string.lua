-- want: instructions|time
function pop3_policy_delete(session, message)
  local s = ('1'):rep(1000000)
  while true do tonumber(s) end
end

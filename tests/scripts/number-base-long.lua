-- want: instructions|time
function pop3_policy_delete(session, message)
  local s = ("0"):rep(1000000)
  while true do tonumber(s, 36) end
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  while true do table.insert(t, 1, 1) end
end

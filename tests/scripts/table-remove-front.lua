-- want: instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 100000 do t[i] = i end
  while true do table.insert(t, table.remove(t, 1)) end
end

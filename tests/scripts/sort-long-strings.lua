-- want: instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 100 do t[i] = ('\0'):rep(100000) .. i end
  while true do table.sort(t) end
end

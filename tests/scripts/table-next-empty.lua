-- want: instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 60000 do t['k' .. i] = i end
  for i = 1, 60000 do t['k' .. i] = nil end
  while true do next(t) end
end

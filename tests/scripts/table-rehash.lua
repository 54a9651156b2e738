-- want: instructions|time|memory
function pop3_policy_delete(session, message)
  local t, n = {}, 0
  for i = 1, 65535 do t['k' .. i] = i end
  while true do n = n + 1 t['k' .. n] = nil t['x' .. n] = n end
end

-- want: memory|time
function pop3_policy_delete(session, message)
  local i = 0
  while true do i = i + 1 session.data[i] = 'value ' .. i end
end

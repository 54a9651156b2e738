-- want: memory|instructions|time
function pop3_policy_delete(session, message)
  local i = 0
  while true do i = i + 1 _G['g' .. i] = i end
end

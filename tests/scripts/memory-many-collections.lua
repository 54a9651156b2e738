-- want: memory|instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 100000 do t[i] = {} end
  while true do local x = {} end
end

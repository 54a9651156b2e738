-- want: memory
function pop3_policy_delete(session, message)
  local t = {}
  local s = ('x'):rep(1000000)
  for i = 1, 40 do t[i] = s end
  return table.concat(t)
end

-- want: error|memory|allow
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 300000 do t[i] = i end
  local u = table.pack(table.unpack(t))
  return policy.ALLOW
end

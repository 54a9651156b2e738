-- want: error|memory
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 200000 do t[i] = policy.ALLOW end
  return table.unpack(t)
end

-- want: instructions|time|allow
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 100000 do t[i] = i % 7 end
  table.sort(t, rawequal)
  return policy.ALLOW
end

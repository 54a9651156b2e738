-- want: instructions|time|allow
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 50000 do t[i] = i end
  table.sort(t, function() return true end)
  return policy.ALLOW
end

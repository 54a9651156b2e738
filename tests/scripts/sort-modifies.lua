-- want: allow
function pop3_policy_delete(session, message)
  local t = { 5, 4, 3, 2, 1 }
  table.sort(t, function(a, b) t[1] = nil t[9] = 1 return a < b end)
  assert(t[1] == 1 and t[5] == 5)
  return policy.ALLOW
end

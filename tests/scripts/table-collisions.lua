-- want: time
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 65537 do t[i * 131071] = true end
  return policy.ALLOW
end

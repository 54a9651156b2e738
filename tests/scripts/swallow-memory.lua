-- want: memory
function pop3_policy_delete(session, message)
  pcall(function() local t = {} for i = 1, 1e8 do t[i] = { i } end end)
  return policy.ALLOW
end

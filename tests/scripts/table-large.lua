-- want: allow
function pop3_policy_delete(session, message)
  local guids, uids, times = {}, {}, {}
  for i = 1, 17000 do guids['guid' .. i] = i uids[i * 37] = i end
  for i = 1, 17000 do times[1700000000 + i * 60.5] = i end
  return policy.ALLOW
end

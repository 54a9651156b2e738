-- want: memory|instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, math.huge do t[#t + 1] = ('x'):rep(1000) .. i end
end

-- want: memory|time|instructions
function pop3_policy_delete(session, message)
  local keep = {}
  for i = 1, 14 do keep[i] = ('x'):rep(1000000) end
  while true do pcall(function() local s = ('y'):rep(500000) return s .. 'z' end) end
end

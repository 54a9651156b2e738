-- want: memory|time|instructions
function pop3_policy_delete(session, message)
  local keep = {}
  pcall(function() for i = 1, 130000 do keep[i] = { i } end end)
  while true do local s = ('y'):rep(100000) end
end

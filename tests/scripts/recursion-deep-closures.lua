-- want: memory|error|instructions|time
function pop3_policy_delete(session, message)
  local f = function() end
  for i = 1, 150000 do local g = f f = function() return (g()) end end
  while true do pcall(f) end
end

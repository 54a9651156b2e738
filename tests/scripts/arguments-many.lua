-- want: memory|instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 150000 do t[i] = 65 end
  while true do
    math.max(table.unpack(t))
    select(-1, table.unpack(t))
    pcall(string.char, table.unpack(t))
  end
end

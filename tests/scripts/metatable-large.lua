-- want: instructions|time
function pop3_policy_delete(session, message)
  local mt = {}
  for i = 1, 50000 do mt["k" .. i] = i end
  while true do setmetatable({}, mt) end
end

-- want: error
function pop3_policy_delete(session, message)
  local t, many = {}, {}
  setmetatable(t, { __call = t })
  for i = 1, 100000 do many[i] = i end
  t(table.unpack(many))
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 1000 do
    t[i] = setmetatable({}, { __lt = function() error({}) end })
  end
  while true do pcall(table.sort, t) end
end

-- want: instructions|time
local t = setmetatable({}, { __newindex = function()
  while true do end
end })
function pop3_policy_delete(session, message)
  t.x = 1
end

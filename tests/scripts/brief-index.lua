-- want: instructions|time
local t = setmetatable({}, { __index = function()
  while true do end
end })
function pop3_policy_delete(session, message)
  return t.x
end

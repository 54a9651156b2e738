-- want: instructions|time
local t = setmetatable({}, { __lt = function()
  while true do end
end })
function pop3_policy_delete(session, message)
  return t < 1
end

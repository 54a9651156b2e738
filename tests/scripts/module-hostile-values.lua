-- want: instructions|time
local volume = require("pop3_policy.volume")
function pop3_policy_delete(session, message)
  setmetatable(session.data, { __index = function() while true do end end })
  pcall(volume.take, session, message, 1)
end

-- want: deny
local clock = require("pop3_policy.clock")
function pop3_policy_delete(session, message)
  assert(not pcall(function() clock.between = nil end))
  assert(not pcall(setmetatable, clock, nil))
  assert(not pcall(function() require = nil end))
  rawset(clock, "between", function() return true end)
  return policy.DENY
end

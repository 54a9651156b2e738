-- want: instructions|time
local clock = require("pop3_policy.clock")
function pop3_policy_delete(session, message)
  clock.on(session.now, ("Mon "):rep(200000))
end

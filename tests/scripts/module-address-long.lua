-- want: instructions|time
local address = require("pop3_policy.address")
function pop3_policy_delete(session, message)
  while true do pcall(address.all, ("<a@b>,"):rep(100000)) end
end

-- A mailbox of measurements: only the gateways' mail is shown, and it goes once
-- it was fetched.

local address = require("pop3_policy.address")

-- The whole address has to be in the list. A rule "from gate1@example.org" would
-- fit gate1@example.org.example as well.
local function is_from_gateway(message)
	local sender = address.first(message:header("From"))
	return policy.list("gateways.txt")[sender]
end

function pop3_policy_show(session, message)
	return is_from_gateway(message) and policy.SHOW or policy.HIDE
end

function pop3_policy_expire(session, message)
	if not is_from_gateway(message) then
		-- the rules decide
		return policy.PASS
	end
	-- Confirmed: the program has asked for something else since. A measurement
	-- that was never fetched stays, however old it is.
	return message.retrieved and policy.EXPUNGE or policy.KEEP
end

-- An agency: what was downloaded is gone from the server. Somebody who knew a
-- password could take mail away for good, so only the agency's own networks may
-- log in, and never in the clear.

local network = require("pop3_policy.network")

function pop3_policy_login(session)
	-- TLS, or a proxy of ours that has seen TLS
	if not session.secured then
		return policy.DENY, "use TLS", "SYS/PERM"
	end

	local networks = policy.list("networks.txt")
	if not network.contains(networks, session.remote_ip) then
		policy.log("refused: " .. session.remote_ip .. " is not in networks.txt")
		return policy.DENY, "log in from the agency's own network", "SYS/PERM"
	end

	-- no answer: come in
end

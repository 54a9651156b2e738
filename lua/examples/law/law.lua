-- A law office: what the retention of ten years (min_retention) has let go is
-- moved to Archive/2026 and so on, by the year in which it came, for somebody to
-- look through and remove. What belongs to a case in holds.txt stays where it
-- is. Nothing in here removes anything.

local address = require("pop3_policy.address")

-- The line of holds.txt that the message belongs to, or nil.
local function find_hold(message)
	local holds = policy.list("holds.txt")

	-- our file numbers: "17/26"
	local subject = message:header("Subject") or ""
	for case in subject:sub(1, 1000):gmatch("%f[%d]%d+/%d%d%f[%D]") do
		if holds[case] then
			return case
		end
	end

	for _, name in ipairs({ "From", "To", "Cc" }) do
		local text = table.concat(message:headers(name), ", ")
		for _, one in ipairs(address.all(text)) do
			local domain = "@" .. address.domain(one)
			if holds[one] or holds[domain] then
				return holds[one] and one or domain
			end
		end
	end
end

-- "Archive/2026", or nil if nobody knows when the message came.
local function archive_of(message)
	return message.received and os.date("Archive/%Y", message.received)
end

function pop3_policy_delete(session, message)
	local hold = find_hold(message)
	if hold then
		return policy.DENY, "on hold: " .. hold
	end
	if archive_of(message) then
		return policy.ARCHIVE, archive_of(message)
	end
	return policy.DENY, "nobody knows how old this is"
end

function pop3_policy_expire(session, message)
	if find_hold(message) or not archive_of(message) then
		return policy.KEEP
	end
	return policy.ARCHIVE, archive_of(message)
end

-- An estate: the heirs may read the mailbox, until the day in the userdb field
-- estate_until, like 2027-06-30. What the dead person's doctors and lawyers wrote
-- is not for them.

local address = require("pop3_policy.address")

function pop3_policy_login(session)
	local last_day = session.fields.estate_until or ""
	if last_day == "" then
		return policy.DENY, "nobody may read this mailbox yet", "SYS/PERM"
	end
	if not last_day:match("^%d%d%d%d%-%d%d%-%d%d$") then
		-- the login fails, and the log says why
		error("estate_until must be a date like 2027-06-30")
	end
	-- dates written like this are in the order of their letters
	if os.date("%Y-%m-%d", session.now) > last_day then
		return policy.DENY, "this mailbox was open until " .. last_day, "SYS/PERM"
	end
end

function pop3_policy_show(session, message)
	local private = policy.list("private.txt")
	for _, name in ipairs({ "From", "Reply-To", "To", "Cc" }) do
		local text = table.concat(message:headers(name), ", ")
		for _, one in ipairs(address.all(text)) do
			if private[one] or private[address.domain(one)] then
				return policy.HIDE
			end
		end
	end
	return policy.SHOW
end

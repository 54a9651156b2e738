local clock = require("pop3_policy.clock")

-- Sunday, 2026-11-22 13:05 UTC
local now = 1795352700

local between = {
	{ "13:00", "14:00", "UTC", true },
	{ "13:05", "13:06", "UTC", true },
	{ "13:06", "14:00", "UTC", false },
	{ "12:00", "13:05", "UTC", false },
	{ "22:00", "13:05", "UTC", false },
	{ "22:00", "13:06", "UTC", true },
	{ "13:05", "13:00", "UTC", true },
	{ "0:00", "24:00", "UTC", true },
	{ "15:05", "15:06", "+02:00", true },
	{ "18:35", "18:36", "+05:30", true },
	{ "11:05", "11:06", "-02:00", true },
	{ "23:00", "23:30", "+10:00", true },
	{ "00:00", "00:30", "+11:00", true },
	-- nothing is between a time and itself
	{ "13:05", "13:05", "UTC", false },
}
local on = {
	{ "Sun", "UTC", true },
	{ "sun", "+00:00", true },
	{ "Mon-Fri", "UTC", false },
	{ "Fri-Mon", "UTC", true },
	{ "Sat Sun", "UTC", true },
	{ "Mon-Sun", "UTC", true },
	{ "Mon Tue Wed", "UTC", false },
	{ "Mon", "+11:00", true },
	{ "", "UTC", false },
}

function pop3_policy_delete(session, message)
	for i, row in ipairs(between) do
		assert(clock.between(now, row[1], row[2], row[3]) == row[4],
		       "between " .. i)
	end
	for i, row in ipairs(on) do
		assert(clock.on(now, row[1], row[2]) == row[3], "on " .. i)
	end
	-- the server's zone, whatever it is
	local here = os.date("%H:%M", now)
	local later = os.date("%H:%M", now + 60)
	assert(clock.between(now, here, later))
	assert(not clock.between(now, later, here))
	assert(clock.on(now, ({ "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
				"Sat" })[os.date("*t", now).wday]))
	for _, call in ipairs({
		{ clock.between, now, "25:00", "1:00" },
		{ clock.between, now, "1:60", "2:00" },
		{ clock.between, now, "6", "7:00" },
		{ clock.between, now, nil, "7:00" },
		{ clock.between, now, "24:01", "7:00" },
		{ clock.between, 1.5, "1:00", "2:00" },
		{ clock.between, nil, "1:00", "2:00" },
		{ clock.between, now, "1:00", "2:00", "CET" },
		{ clock.between, now, "1:00", "2:00", "+2" },
		{ clock.on, now, "Someday" },
		{ clock.on, now, "Mon-" },
	}) do
		local ok, reason = pcall(table.unpack(call, 1, 5))
		assert(not ok and reason:find("expected", 1, true), reason)
	end
	return policy.ALLOW
end

-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Hours of the day and days of the week.
--
--   local clock = require("pop3_policy.clock")
--   if clock.between(session.now, "22:00", "06:00", "UTC") then ... end
--   if clock.on(session.now, "Mon-Fri") then ... end
--
-- A zone is "UTC", an offset like "+05:30", or nil: that of the server, summer
-- time included.

local clock = {}

local DAY = 24 * 60 * 60
local names = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" }

-- Errors name the line of the script that called: level 3 is the caller of
-- the function of this module that called these two.
local function minutes(text)
	local hours, rest = tostring(text):match("^(%d%d?):(%d%d)$")
	if not hours or tonumber(rest) > 59 or
	   tonumber(hours) * 60 + tonumber(rest) > 24 * 60 then
		error("expected a time of day like \"06:30\"", 3)
	end
	return tonumber(hours) * 60 + tonumber(rest)
end

-- Minute of the day, and day of the week from 1 (Sunday).
local function place(time, zone)
	if math.type(time) ~= "integer" then
		error("expected a time like session.now", 3)
	end
	if zone == nil then
		local date = os.date("*t", time)
		return date.hour * 60 + date.min, date.wday
	end
	local sign, hours, rest = tostring(zone):match("^([+-])(%d%d):(%d%d)$")
	if sign then
		local offset = tonumber(hours) * 3600 + tonumber(rest) * 60
		time = time + (sign == "+" and offset or -offset)
	elseif zone ~= "UTC" then
		error("expected a zone: \"UTC\" or an offset like \"+05:30\"", 3)
	end
	-- 1970 began on a Thursday
	return time % DAY // 60, (time // DAY + 4) % 7 + 1
end

local function day(text)
	for number, name in ipairs(names) do
		if text:lower() == name then
			return number
		end
	end
	error("expected days like \"Mon-Fri\" or \"Sat Sun\"", 3)
end

-- Is it the time of day from `from` on and before `to`? A span may go over
-- midnight; "00:00" to "24:00" is the whole day.
function clock.between(time, from, to, zone)
	local first, last = minutes(from), minutes(to)
	local minute = place(time, zone)
	if first <= last then
		return minute >= first and minute < last
	end
	return minute >= first or minute < last
end

-- Is it one of these days? "Mon-Fri", "Sat Sun", "Fri-Mon Wed"
function clock.on(time, days, zone)
	local _, today = place(time, zone)
	local found = false
	for word in tostring(days):gmatch("%S+") do
		local first, last = word:match("^(%a+)-(%a+)$")
		first, last = day(first or word), day(last or word)
		-- days from the first one on, also over the end of the week
		found = found or (today - first) % 7 <= (last - first) % 7
	end
	return found
end

return clock

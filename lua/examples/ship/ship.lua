-- A ship on a satellite link. POP3 leaves it to the client what it fetches, so
-- the script decides what the client sees: small mail at any time, large mail
-- at night, and no more than so many bytes a session. What is not shown today
-- is shown another time, under the same UIDL.

local clock = require("pop3_policy.clock")
local volume = require("pop3_policy.volume")

-- By day: mail of up to so many bytes, and so many in all.
local SMALL = 100 * volume.kB
local DAY_VOLUME = 2 * volume.MB
-- At night. Larger mail stays ashore, where IMAP finds it: a link that breaks
-- would begin with it again and again.
local LARGEST = 20 * volume.MB
local NIGHT_VOLUME = 25 * volume.MB

-- The hours of the cheap tariff. A ship has many time zones, a tariff one.
local function is_night(session)
	return clock.between(session.now, "22:00", "06:00", "UTC")
end

function pop3_policy_show(session, message)
	-- The ship has got this one, or nobody knows (nil). If it vanished now, the
	-- client would take it for new mail when it came back, and fetch it again.
	if message.retrieve_count ~= 0 then
		return policy.SHOW
	end

	local largest, bytes = SMALL, DAY_VOLUME
	if is_night(session) then
		largest, bytes = LARGEST, NIGHT_VOLUME
	end
	if message.size > largest or
	   not volume.take(session, message, bytes, "shown") then
		return policy.HIDE
	end
	return policy.SHOW
end

-- A client that has lost its memory would fetch all that it sees anew.
function pop3_policy_retrieve(session, message)
	local bytes = is_night(session) and NIGHT_VOLUME or DAY_VOLUME
	if not volume.take(session, message, bytes, "fetched") then
		return policy.DENY, "enough for one session, connect again"
	end
end

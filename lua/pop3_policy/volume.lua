-- SPDX-License-Identifier: LGPL-2.1-or-later
-- So many bytes a session.
--
--   local volume = require("pop3_policy.volume")
--   if not volume.take(session, message, 5 * volume.MB) then ... end

local volume = { kB = 1024, MB = 1024 * 1024, GB = 1024 * 1024 * 1024 }

-- Does the message fit into what is left of this session's `bytes`? Then it is
-- counted. A message is counted once, however often it is asked about: clients
-- send TOP before RETR. The first one always fits, or one that is larger than
-- all of it could never be fetched. `name`: for scripts with several volumes.
function volume.take(session, message, bytes, name)
	if type(bytes) ~= "number" then
		error("expected a number of bytes", 2)
	end
	local key = "volume " .. (name or "")
	local taken = session.data[key] or { total = 0 }
	session.data[key] = taken
	if taken[message.uid] then
		return true
	end
	local total = taken.total + message.size
	if taken.total > 0 and total > bytes then
		return false
	end
	taken.total = total
	taken[message.uid] = true
	return true
end

-- Bytes that were taken so far.
function volume.taken(session, name)
	local taken = session.data["volume " .. (name or "")]
	return taken and taken.total or 0
end

return volume

local volume = require("pop3_policy.volume")

function pop3_policy_delete(session, message)
	local function take(uid, size, bytes, name)
		return volume.take(session, { uid = uid, size = size }, bytes,
				   name)
	end
	assert(volume.taken(session) == 0)
	assert(take(1, 60, 100))
	assert(take(1, 60, 100) and volume.taken(session) == 60)
	assert(not take(2, 41, 100) and volume.taken(session) == 60)
	assert(take(3, 40, 100) and volume.taken(session) == 100)
	assert(take(4, 0, 100) and not take(5, 1, 100))
	-- the first one always fits
	assert(take(1, 5000, 100, "other"))
	assert(not take(2, 1, 100, "other") and take(1, 5000, 100, "other"))
	assert(volume.taken(session, "other") == 5000)
	assert(volume.taken(session, "none") == 0)
	assert(volume.MB == 1024 * volume.kB)
	local ok, reason = pcall(take, 9, 1, "5M")
	assert(not ok and reason:find("number of bytes", 1, true))
	return policy.ALLOW
end

-- SPDX-License-Identifier: LGPL-2.1-or-later
-- A policy of two hundred lines, as a provider may have one: who may remove
-- what, by department and by customer. For tests/bench/run.

local departments = {
	["dept01@example.org"] = { days = 8, archive = "Archive/Dept01" },
	["dept02@example.org"] = { days = 9, archive = "Archive/Dept02" },
	["dept03@example.org"] = { days = 10, archive = "Archive/Dept03" },
	["dept04@example.org"] = { days = 11, archive = "Archive/Dept04" },
	["dept05@example.org"] = { days = 12, archive = "Archive/Dept05" },
	["dept06@example.org"] = { days = 13, archive = "Archive/Dept06" },
	["dept07@example.org"] = { days = 14, archive = "Archive/Dept07" },
	["dept08@example.org"] = { days = 15, archive = "Archive/Dept08" },
	["dept09@example.org"] = { days = 16, archive = "Archive/Dept09" },
	["dept10@example.org"] = { days = 17, archive = "Archive/Dept10" },
	["dept11@example.org"] = { days = 18, archive = "Archive/Dept11" },
	["dept12@example.org"] = { days = 19, archive = "Archive/Dept12" },
	["dept13@example.org"] = { days = 20, archive = "Archive/Dept13" },
	["dept14@example.org"] = { days = 21, archive = "Archive/Dept14" },
	["dept15@example.org"] = { days = 22, archive = "Archive/Dept15" },
	["dept16@example.org"] = { days = 23, archive = "Archive/Dept16" },
	["dept17@example.org"] = { days = 24, archive = "Archive/Dept17" },
	["dept18@example.org"] = { days = 25, archive = "Archive/Dept18" },
	["dept19@example.org"] = { days = 26, archive = "Archive/Dept19" },
	["dept20@example.org"] = { days = 27, archive = "Archive/Dept20" },
	["dept21@example.org"] = { days = 28, archive = "Archive/Dept21" },
	["dept22@example.org"] = { days = 29, archive = "Archive/Dept22" },
	["dept23@example.org"] = { days = 30, archive = "Archive/Dept23" },
	["dept24@example.org"] = { days = 31, archive = "Archive/Dept24" },
	["dept25@example.org"] = { days = 32, archive = "Archive/Dept25" },
	["dept26@example.org"] = { days = 33, archive = "Archive/Dept26" },
	["dept27@example.org"] = { days = 34, archive = "Archive/Dept27" },
	["dept28@example.org"] = { days = 35, archive = "Archive/Dept28" },
	["dept29@example.org"] = { days = 36, archive = "Archive/Dept29" },
	["dept30@example.org"] = { days = 7, archive = "Archive/Dept30" },
	["dept31@example.org"] = { days = 8, archive = "Archive/Dept31" },
	["dept32@example.org"] = { days = 9, archive = "Archive/Dept32" },
	["dept33@example.org"] = { days = 10, archive = "Archive/Dept33" },
	["dept34@example.org"] = { days = 11, archive = "Archive/Dept34" },
	["dept35@example.org"] = { days = 12, archive = "Archive/Dept35" },
	["dept36@example.org"] = { days = 13, archive = "Archive/Dept36" },
	["dept37@example.org"] = { days = 14, archive = "Archive/Dept37" },
	["dept38@example.org"] = { days = 15, archive = "Archive/Dept38" },
	["dept39@example.org"] = { days = 16, archive = "Archive/Dept39" },
	["dept40@example.org"] = { days = 17, archive = "Archive/Dept40" },
	["dept41@example.org"] = { days = 18, archive = "Archive/Dept41" },
	["dept42@example.org"] = { days = 19, archive = "Archive/Dept42" },
	["dept43@example.org"] = { days = 20, archive = "Archive/Dept43" },
	["dept44@example.org"] = { days = 21, archive = "Archive/Dept44" },
	["dept45@example.org"] = { days = 22, archive = "Archive/Dept45" },
	["dept46@example.org"] = { days = 23, archive = "Archive/Dept46" },
	["dept47@example.org"] = { days = 24, archive = "Archive/Dept47" },
	["dept48@example.org"] = { days = 25, archive = "Archive/Dept48" },
	["dept49@example.org"] = { days = 26, archive = "Archive/Dept49" },
	["dept50@example.org"] = { days = 27, archive = "Archive/Dept50" },
	["dept51@example.org"] = { days = 28, archive = "Archive/Dept51" },
	["dept52@example.org"] = { days = 29, archive = "Archive/Dept52" },
	["dept53@example.org"] = { days = 30, archive = "Archive/Dept53" },
	["dept54@example.org"] = { days = 31, archive = "Archive/Dept54" },
	["dept55@example.org"] = { days = 32, archive = "Archive/Dept55" },
	["dept56@example.org"] = { days = 33, archive = "Archive/Dept56" },
	["dept57@example.org"] = { days = 34, archive = "Archive/Dept57" },
	["dept58@example.org"] = { days = 35, archive = "Archive/Dept58" },
	["dept59@example.org"] = { days = 36, archive = "Archive/Dept59" },
	["dept60@example.org"] = { days = 7, archive = "Archive/Dept60" },
}

local partners = {
	["partner01.example.com"] = true,
	["partner02.example.com"] = true,
	["partner03.example.com"] = false,
	["partner04.example.com"] = true,
	["partner05.example.com"] = true,
	["partner06.example.com"] = false,
	["partner07.example.com"] = true,
	["partner08.example.com"] = true,
	["partner09.example.com"] = false,
	["partner10.example.com"] = true,
	["partner11.example.com"] = true,
	["partner12.example.com"] = false,
	["partner13.example.com"] = true,
	["partner14.example.com"] = true,
	["partner15.example.com"] = false,
	["partner16.example.com"] = true,
	["partner17.example.com"] = true,
	["partner18.example.com"] = false,
	["partner19.example.com"] = true,
	["partner20.example.com"] = true,
	["partner21.example.com"] = false,
	["partner22.example.com"] = true,
	["partner23.example.com"] = true,
	["partner24.example.com"] = false,
	["partner25.example.com"] = true,
	["partner26.example.com"] = true,
	["partner27.example.com"] = false,
	["partner28.example.com"] = true,
	["partner29.example.com"] = true,
	["partner30.example.com"] = false,
	["partner31.example.com"] = true,
	["partner32.example.com"] = true,
	["partner33.example.com"] = false,
	["partner34.example.com"] = true,
	["partner35.example.com"] = true,
	["partner36.example.com"] = false,
	["partner37.example.com"] = true,
	["partner38.example.com"] = true,
	["partner39.example.com"] = false,
	["partner40.example.com"] = true,
	["partner41.example.com"] = true,
	["partner42.example.com"] = false,
	["partner43.example.com"] = true,
	["partner44.example.com"] = true,
	["partner45.example.com"] = false,
	["partner46.example.com"] = true,
	["partner47.example.com"] = true,
	["partner48.example.com"] = false,
	["partner49.example.com"] = true,
	["partner50.example.com"] = true,
	["partner51.example.com"] = false,
	["partner52.example.com"] = true,
	["partner53.example.com"] = true,
	["partner54.example.com"] = false,
	["partner55.example.com"] = true,
	["partner56.example.com"] = true,
	["partner57.example.com"] = false,
	["partner58.example.com"] = true,
	["partner59.example.com"] = true,
	["partner60.example.com"] = false,
}

local LARGE = 20 * 1024 * 1024
local WEEK = policy.days(7)

local function department(session)
	return departments[session.user]
end

local function address(message)
	return policy.match(message:header("From"), "<?([^<>%s]+@[^<>%s]+)>?%s*$")
end

local function domain(text)
	return text and policy.match(text, "@(.+)$")
end

local function is_partner(message)
	local name = domain(address(message))
	return name ~= nil and partners[name] == true
end

local function is_old(session, message)
	return message.saved and session.now - message.saved > WEEK
end

function pop3_policy_delete(session, message)
	if message.flagged then
		return policy.HIDE
	end
	if not message.retrieved and message.retrieve_count ~= nil then
		return policy.DENY, "fetch this message first"
	end
	if message.size > LARGE then
		return policy.ALLOW
	end
	local own = department(session)
	if own and is_old(session, message) then
		return policy.ARCHIVE, own.archive
	end
	return policy.ALLOW
end

function pop3_policy_retrieve(session, message)
	local fetched = (session.data.fetched or 0) + message.size
	if fetched > 50 * LARGE then
		return policy.DENY, "no more than 1 GB a session"
	end
	session.data.fetched = fetched
end

function pop3_policy_expire(session, message)
	if message.flagged or is_partner(message) then
		return policy.KEEP
	end
	local own = department(session)
	if own and message.age_days > own.days then
		return policy.ARCHIVE, own.archive
	end
	if message.retrieved_days and message.retrieved_days > 30 then
		return policy.EXPUNGE
	end
end

function pop3_policy_logout(session)
	if (session.data.fetched or 0) > LARGE then
		policy.log("fetched " .. session.data.fetched .. " bytes")
	end
end

-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Mail addresses in headers: compared whole, never by a part of their text.
-- A rule's `from gateway@example.org` also fits gateway@example.org.example.
--
--   local address = require("pop3_policy.address")
--   if policy.list("vip.txt")[address.first(message:header("From"))] then ...
--
-- A header is what its sender has written. It proves nothing.

local address = {}

-- Whoever sends mail decides how long a header is, and what a hook may take is
-- limited: no pattern below looks at a place more than once or twice, and what
-- stands behind so many bytes is not looked at.
local MOST = 20000
-- One address and a name.
local MOST_OF_ONE = 1000

-- All addresses in a text, in lower case; those whose left side is quoted are
-- left out. nil, a header that is not there, has none.
function address.all(text)
	local found = {}
	-- What people write about themselves: "Gate <a@b>" <c@d> (e@f)
	text = (text or ""):sub(1, MOST):gsub("\\.", ""):gsub('"[^"]*"', "")
	text = text:gsub("%([^()]*%)", ""):gsub("%([^()]*%)", "")
	for part in text:gmatch("[^,;]+") do
		-- a group: its members begin behind the colon
		local one = part:gsub("^[^<:]*:", "")
		for inside in part:gmatch("<([^<>]*)>") do
			one = inside
		end
		one = one:match("^%s*([^%s<>@]+@[^%s<>@]+)%s*$")
		found[#found + 1] = one and one:lower()
	end
	return found
end

-- The only address in a text, in lower case; "" if there is none or there are
-- several, which no list contains.
function address.first(text)
	if text and #text > MOST_OF_ONE then
		return ""
	end
	local found = address.all(text)
	return #found == 1 and found[1] or ""
end

-- "example.org" for "a@example.org"; "" where there is no "@".
function address.domain(one)
	return tostring(one):match("@([^@]+)$") or ""
end

return address

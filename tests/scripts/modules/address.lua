local address = require("pop3_policy.address")

-- text, the only address, all of them
local rows = {
	{ "a@B.org", "a@b.org", "a@b.org" },
	{ " a@b.org ", "a@b.org", "a@b.org" },
	{ "Gate <G@x.org>", "g@x.org", "g@x.org" },
	{ '"vip@b.org" <c@d.org>', "c@d.org", "c@d.org" },
	{ "vip@b.org <c@d.org>", "c@d.org", "c@d.org" },
	{ "<vip@b.org> <c@d.org>", "c@d.org", "c@d.org" },
	{ "<vip@b.org>, <c@d.org>", "", "vip@b.org c@d.org" },
	{ '"q, r <z@z>" <m@n.o> (c, d@e)', "m@n.o", "m@n.o" },
	{ '"x\\"y, z" <e@f>', "e@f", "e@f" },
	{ "Group: a@b, C <c@d>;", "", "a@b c@d" },
	{ "a@b (one), c@d (two)", "", "a@b c@d" },
	{ "a ((b, c) d) <e@f>", "e@f", "e@f" },
	{ "Smile :-( <a@b>", "a@b", "a@b" },
	{ "12:30 <a@b>", "a@b", "a@b" },
	{ "a b@c", "", "" },
	{ "a@b@c", "", "" },
	{ "nobody", "", "" },
	{ "", "", "" },
}

function pop3_policy_delete(session, message)
	for i, row in ipairs(rows) do
		assert(address.first(row[1]) == row[2], "first " .. i)
		assert(table.concat(address.all(row[1]), " ") == row[3],
		       "all " .. i)
	end
	-- what somebody may send to make the script fail
	for _, text in ipairs({ "(", "<", '"', ",", "\\", "@", "<>", "a@", " ",
				"()", ":", "x" }) do
		address.all(text:rep(100000))
	end
	assert(address.first("<a@b>" .. (" "):rep(1000)) == "")
	assert(address.first(nil) == "" and #address.all(nil) == 0)
	assert(address.domain("a@b.org") == "b.org")
	assert(address.domain("") == "" and address.domain(nil) == "")
	return policy.ALLOW
end

local network = require("pop3_policy.network")

local rows = {
	{ "192.0.2.0/24", "192.0.2.77", true },
	{ "192.0.2.0/24", "192.0.3.1", false },
	{ "0.0.0.0/0", "1.2.3.4", true },
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "192.0.2.128/25", "192.0.2.127", false },
	{ "192.0.2.128/25", "192.0.2.129", true },
	{ "192.0.2.0/31", "192.0.2.1", true },
	{ "2001:db8::/32", "2001:db8:1::5", true },
	{ "2001:db8::/32", "2001:DB9::", false },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
	{ "::/0", "::1", true },
	{ "::1", "::2", false },
	{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", true },
	{ "1:2:3:4:5:6:7:8/127", "1:2:3:4:5:6:7:9", true },
	-- one family is not the other
	{ "::/0", "192.0.2.5", false },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "192.0.2.0/24", "::ffff:192.0.2.5", true },
	{ "192.0.2.0/24", nil, false },
	{ "192.0.2.0/24", "not an address", false },
	{ { ["10.0.0.0/8"] = true, ["fe80::/10"] = true }, "fe81::1", true },
	{ { ["10.0.0.0/8"] = true }, "11.0.0.1", false },
	{ { ["10.0.0.0/8"] = true }, nil, false },
	{ {}, "10.0.0.1", false },
}
local wrong = {
	"", "x", "/8", "1.2.3", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/", "1:2:3",
	"1::2::3", ":1:2", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::",
	"::/129", "0001.2.3.4", "1.2.3.4 ", "192.0.2.",
}

function pop3_policy_delete(session, message)
	for i, row in ipairs(rows) do
		assert(network.contains(row[1], row[2]) == row[3], "row " .. i)
	end
	for _, text in ipairs(wrong) do
		local ok, reason = pcall(network.contains, text, "1.2.3.4")
		assert(not ok and reason:find("not a network", 1, true), text)
		-- a line of a list is found whoever logs in
		assert(not pcall(network.contains, { [text] = true }, nil))
	end
	return policy.ALLOW
end

-- The script is asked about mail only that is older than ten years.
local old = { received = "2014-05-01", saved = "2014-05-01" }

tests = {
	{ name = "a DELE archives", hook = "delete", set = old,
	  want = 'archive "Archive/2014"' },
	{ name = "so does expiry", hook = "expire", set = old,
	  want = 'archive "Archive/2014"' },
	{ name = "a case on hold", set = old, calls = {
		{ hook = "delete", set = { ["header.Subject"] = "Re: Miller, 17/26" },
		  want = 'deny "on hold: 17/26"' },
		{ hook = "expire", set = { ["header.Subject"] = "Re: Miller, 17/26" },
		  want = "keep" },
		{ hook = "expire", set = { ["header.Subject"] = "3/25 and 17/26." },
		  want = "keep" },
		{ hook = "expire", set = { ["header.Subject"] = "117/26, 17/261" },
		  want = "archive" },
		{ hook = "expire", set = { ["header.Subject"] = "18/26" },
		  want = "archive" },
	} },
	{ name = "people on hold", set = old, calls = {
		{ hook = "expire", set = { ["header.From"] =
			'"Doe, J." <J.Doe@client.example>' }, want = "keep" },
		{ hook = "expire", set = { ["header.To"] =
			"a@b.example, Us <x@opponent.example>" }, want = "keep" },
		{ hook = "delete", set = { ["header.Cc"] = "x@opponent.example" },
		  want = 'deny "on hold: @opponent.example"' },
		-- said, not sent
		{ hook = "expire", set = { ["header.From"] =
			'"x@opponent.example" <a@b.example>' }, want = "archive" },
		{ hook = "expire", set = { ["header.From"] =
			"x@opponent.example.net" }, want = "archive" },
	} },
	{ name = "nothing is said where nothing was asked", hook = "retrieve",
	  want = "pass" },
}

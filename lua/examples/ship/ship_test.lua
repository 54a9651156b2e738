local day, night = "2026-11-22 12:00", "2026-11-22 23:30"

tests = {
	{ name = "small mail by day", hook = "show",
	  set = { now = day, size = "50k" }, want = "show" },
	{ name = "large mail by day", hook = "show",
	  set = { now = day, size = "200k" }, want = "hide" },
	{ name = "large mail at night", hook = "show",
	  set = { now = night, size = "200k" }, want = "show" },
	{ name = "too large at night", hook = "show",
	  set = { now = night, size = "21M" }, want = "hide" },
	{ name = "large mail that the ship has got does not vanish",
	  hook = "show", set = { now = day, size = "200k", retrieved = "3d" },
	  want = "show" },
	{ name = "nor does mail that it perhaps has got", hook = "show",
	  set = { now = day, size = "200k", retrieved = "unknown" },
	  want = "show" },

	{ name = "the volume of a session by day", set = { now = day }, calls = {
		{ hook = "show", set = { uid = 1, size = "90k" }, want = "show" },
		-- asked again: counted once
		{ hook = "show", set = { uid = 1, size = "90k" }, want = "show" },
		{ hook = "show", set = { uid = 2, size = "99k", retrieved = "1d" },
		  want = "show" },
		{ hook = "show", set = { uid = 3, size = "1M" }, want = "hide" },
		{ hook = "show", set = { uid = 4, size = "100k" }, want = "show" },
	} },
	{ name = "the volume of a session at night", set = { now = night },
	  calls = {
		{ hook = "show", set = { uid = 1, size = "20M" }, want = "show" },
		{ hook = "show", set = { uid = 2, size = "6M" }, want = "hide" },
		{ hook = "show", set = { uid = 3, size = "4M" }, want = "show" },
		{ hook = "show", set = { uid = 4, size = "2M" }, want = "hide" },
		{ hook = "retrieve", set = { uid = 1, size = "20M" }, want = "pass" },
		{ hook = "retrieve", set = { uid = 3, size = "4M" }, want = "pass" },
		-- TOP, then RETR of the same message
		{ hook = "retrieve", set = { uid = 3, size = "4M" }, want = "pass" },
		-- old mail, which it has got
		{ hook = "retrieve", set = { uid = 9, size = "2M" }, want = "deny" },
	} },
}

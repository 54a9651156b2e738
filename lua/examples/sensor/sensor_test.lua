local gate = { ["header.From"] = "Gate 1 <Gate1@example.org>" }

-- gate's header and more
local function with(more)
	more["header.From"] = gate["header.From"]
	return more
end

tests = {
	{ name = "a gateway", hook = "show", set = gate, want = "show" },
	{ name = "a stranger", hook = "show",
	  set = { ["header.From"] = "spam@example.com" }, want = "hide" },
	{ name = "an address that contains a gateway's", hook = "show",
	  set = { ["header.From"] = "gate1@example.org.example" },
	  want = "hide" },
	{ name = "a name that is a gateway's address", hook = "show",
	  set = { ["header.From"] = '"gate1@example.org" <spam@example.com>' },
	  want = "hide" },
	{ name = "two senders", hook = "show",
	  set = { ["header.From"] = "gate1@example.org, spam@example.com" },
	  want = "hide" },
	{ name = "no sender", hook = "show", want = "hide" },

	{ name = "fetched", hook = "expire", set = with { retrieved = "1m" },
	  want = "expunge" },
	{ name = "never fetched", hook = "expire", set = with { saved = "1y" },
	  want = "keep" },
	{ name = "perhaps fetched", hook = "expire",
	  set = with { saved = "1y", retrieved = "unknown" }, want = "keep" },
	{ name = "a stranger is for the rules", hook = "expire",
	  set = { saved = "1y", ["header.From"] = "spam@example.com" },
	  want = "pass" },
	{ name = "a DELE is for the rules", hook = "delete",
	  set = with { retrieved = "1m" }, want = "pass" },
}

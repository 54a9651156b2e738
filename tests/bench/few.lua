-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Three fields of each message. For tests/bench/run.

function pop3_policy_delete(session, message)
	if message.flagged then
		return policy.HIDE
	end
	if not message.retrieved then
		return policy.DENY, "fetch this message first"
	end
	if message.size > 20 * 1024 * 1024 then
		return policy.DENY, "too large to go"
	end
	return policy.ALLOW
end

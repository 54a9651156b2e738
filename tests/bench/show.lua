-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Three fields of each message. For tests/bench/run.

function pop3_policy_show(session, message)
	if message.flagged and message.size > 1000000 and message.seen then
		return policy.HIDE
	end
	if message.seen and message.answered then
		return policy.HIDE
	end
	return policy.SHOW
end

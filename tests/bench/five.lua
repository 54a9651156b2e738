-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Five fields of each message. For script-decision.

function pop3_policy_delete(session, message)
	if message.flagged and message.retrieved and message.retrieve_count > 0 and
	   message.size > 100 and session.user ~= "x" then
		return policy.HIDE
	end
end

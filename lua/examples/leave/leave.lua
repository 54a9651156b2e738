-- Leave mail on the server for 14 days after it was fetched, flagged mail for
-- ever. Who wants another number of days has it in the userdb field
-- pop3_leave_days.

function pop3_policy_expire(session, message)
	if message.flagged then
		return policy.KEEP
	end
	if not message.retrieved then
		-- never fetched, or nobody knows: the rules decide
		return policy.PASS
	end

	local days = tonumber(session.fields.pop3_leave_days or 14)
	if not days or days < 1 then
		-- a slip in the database: mail is kept, and the log says so
		error("pop3_leave_days must be a number of days")
	end
	if session.now - message.retrieved > policy.days(days) then
		return policy.EXPUNGE
	end
	return policy.KEEP
end

-- want: instructions|time|error
function pop3_policy_delete(session, message)
  return table.move({}, math.mininteger, math.maxinteger, 1)
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  return table.move({}, 1, math.maxinteger - 1, 2)
end

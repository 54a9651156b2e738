-- want: error
function pop3_policy_delete(session, message)
  return table.unpack({}, math.mininteger, math.maxinteger)
end

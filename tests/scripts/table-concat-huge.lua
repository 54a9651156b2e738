-- want: error
function pop3_policy_delete(session, message)
  return table.concat({}, '', 1, math.maxinteger)
end

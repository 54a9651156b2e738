-- want: time
-- caps: 16777216 1000000000
function pop3_policy_delete(session, message)
  return table.move({}, 1, 999000000, 2)
end

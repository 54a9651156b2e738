-- want: error
function pop3_policy_delete(session, message)
  return table.unpack({}, 1, 1 << 40)
end

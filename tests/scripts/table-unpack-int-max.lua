-- want: error
function pop3_policy_delete(session, message)
  return table.unpack({}, 1, (1 << 31) - 2)
end

-- want: error
function pop3_policy_delete(session, message)
  return string.format('%1000000000d', 1)
end

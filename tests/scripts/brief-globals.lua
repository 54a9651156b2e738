-- want: error
function pop3_policy_delete(session, message)
  return nowhere
end

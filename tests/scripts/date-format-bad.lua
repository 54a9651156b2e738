-- want: error
function pop3_policy_delete(session, message)
  return os.date('%Ez%O')
end

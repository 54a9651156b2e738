-- want: error
function pop3_policy_delete(session, message)
  string.dump(pop3_policy_delete)
end

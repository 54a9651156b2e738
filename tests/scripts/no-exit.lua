-- want: error
function pop3_policy_delete(session, message)
  os.exit(1)
end

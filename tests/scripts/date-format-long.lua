-- want: error
function pop3_policy_delete(session, message)
  return os.date(('%c'):rep(500000))
end

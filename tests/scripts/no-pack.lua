-- want: error
function pop3_policy_delete(session, message)
  string.pack('!1000000000d', 1)
end

-- want: error
function pop3_policy_delete(session, message)
  io.open('/etc/passwd')
end

-- want: error
function pop3_policy_delete(session, message)
  error('\27]0;x\7\r\n-ERR\0')
end

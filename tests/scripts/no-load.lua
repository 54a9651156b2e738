-- want: error
function pop3_policy_delete(session, message)
  load('return 1')()
end

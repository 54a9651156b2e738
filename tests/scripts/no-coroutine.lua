-- want: error
function pop3_policy_delete(session, message)
  coroutine.wrap(function() end)()
end

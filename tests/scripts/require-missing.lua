-- want: error
function pop3_policy_delete(session, message)
  while true do pcall(require, "pop3_policy.nothing") end
end

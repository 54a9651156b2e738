-- want: error
function pop3_policy_delete(session, message)
  while true do pcall(policy.list, 'none') end
end

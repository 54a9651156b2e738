-- want: instructions|time
function pop3_policy_delete(session, message)
  while true do require("pop3_policy.clock") end
end

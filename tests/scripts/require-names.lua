-- want: error
function pop3_policy_delete(session, message)
  for i = 1, 1e9 do require("pop3_policy.x" .. i) end
end

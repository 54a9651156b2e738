-- want: error
function pop3_policy_delete(session, message)
  setmetatable(_G, { __index = function() return policy.ALLOW end })
end

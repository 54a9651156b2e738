-- want: error
function pop3_policy_delete(session, message)
  return setmetatable({}, { __len = function() return 1 << 40 end })
end

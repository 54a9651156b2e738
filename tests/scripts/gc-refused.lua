-- want: error
function pop3_policy_delete(session, message)
  setmetatable({}, { __gc = function() while true do end end })
end

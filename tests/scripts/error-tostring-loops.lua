-- want: error
function pop3_policy_delete(session, message)
  error(setmetatable({}, { __tostring = function() while true do end end }))
end

-- want: error
function pop3_policy_delete(session, message)
  getmetatable('').__index = function() while true do end end
end

-- want: error
function pop3_policy_delete(session, message)
  local x <close> = setmetatable({}, { __close = function() while true do end end })
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local t = setmetatable({}, { __index = function() while true do end end })
  return (('a'):gsub('a', t))
end

-- want: error|instructions|time
function pop3_policy_delete(session, message)
  local mt = {}
  mt.__eq = function(a, b) return a == b end
  local a, b = setmetatable({}, mt), setmetatable({}, mt)
  while true do pcall(function() return a == b end) end
end

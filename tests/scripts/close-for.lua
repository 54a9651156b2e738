-- want: error
function pop3_policy_delete(session, message)
  local mt = {}
  local t = setmetatable({}, mt)
  mt.__close = function() while true do end end
  for i in next, {}, nil, t do end
end

-- want: allow
function pop3_policy_delete(session, message)
  local mt = {}
  for i = 1, 1000 do setmetatable({}, mt) end
  mt.__gc = function() while true do end end
  for i = 1, 100000 do local t = {} end
  return policy.ALLOW
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 1990 do t = setmetatable({}, { __index = t }) end
  while true do local a, b, c, d = t.a, t.b, t.c, t.d end
end

-- want: load:memory
local t = {}
while true do t[#t + 1] = {} end
function pop3_policy_delete(session, message)
  return policy.ALLOW
end

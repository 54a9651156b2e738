-- want: memory
function pop3_policy_delete(session, message)
  local t
  while true do local o = t t = function() return o end end
end

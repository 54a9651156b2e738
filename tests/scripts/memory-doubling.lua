-- want: memory
function pop3_policy_delete(session, message)
  local s = 'x'
  while true do s = s .. s end
end

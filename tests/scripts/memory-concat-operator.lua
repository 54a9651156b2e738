-- want: memory
function pop3_policy_delete(session, message)
  local s = ('x'):rep(1000000)
  return s .. s .. s .. s .. s .. s .. s .. s
end

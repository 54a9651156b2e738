-- want: error|memory|allow
function pop3_policy_delete(session, message)
  local u = table.pack(('x'):rep(1000000):byte(1, -1))
  return policy.ALLOW
end

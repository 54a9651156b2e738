-- want: allow
function pop3_policy_delete(session, message)
  local s = ('x'):rep(1000000):upper():lower():reverse()
  return policy.ALLOW
end

-- want: allow
function pop3_policy_delete(session, message)
  local s = string.format('%99.99f', 1e308)
  return policy.ALLOW
end

-- want: allow
function pop3_policy_delete(session, message)
  local s = (''):rep(math.maxinteger)
  return policy.ALLOW
end

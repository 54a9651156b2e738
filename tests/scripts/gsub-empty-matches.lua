-- want: allow|instructions|time
function pop3_policy_delete(session, message)
  local s = ('a'):rep(1000000):gsub('', '')
  return policy.ALLOW
end

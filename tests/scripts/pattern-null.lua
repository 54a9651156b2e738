-- want: allow
function pop3_policy_delete(session, message)
  assert(('a\0b'):find('%z') == 2 and ('a\0b'):find('\0') == 2)
  return policy.ALLOW
end

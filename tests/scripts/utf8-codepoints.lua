-- want: error|memory|allow
function pop3_policy_delete(session, message)
  local t = table.pack(utf8.codepoint(('x'):rep(1000000), 1, -1))
  return policy.ALLOW
end

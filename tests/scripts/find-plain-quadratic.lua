-- want: allow|instructions|time
function pop3_policy_delete(session, message)
  local s, w = ('a'):rep(1000000), ('a'):rep(500000) .. 'b'
  for i = 1, 20 do s:find(w, 1, true) end
  return policy.ALLOW
end

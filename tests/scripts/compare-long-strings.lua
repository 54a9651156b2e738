-- want: instructions|time
function pop3_policy_delete(session, message)
  local a, b = ('x'):rep(1000000), ('x'):rep(999999) .. 'x'
  local n = 0
  while true do if a == b and not (a < b) then n = n + 1 end end
end

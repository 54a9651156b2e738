-- want: error|memory|instructions|time
function pop3_policy_delete(session, message)
  local function f() pcall(f) return 1 end
  while true do f() end
end

-- want: error|memory|instructions|time
function pop3_policy_delete(session, message)
  local function f() table.sort({ 3, 2, 1 }, f) return true end
  while true do pcall(f) end
end

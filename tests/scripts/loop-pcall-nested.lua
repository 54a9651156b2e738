-- want: instructions|time
function pop3_policy_delete(session, message)
  local function f() pcall(f) while true do end end
  f()
end

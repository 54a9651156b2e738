-- want: instructions|time
function pop3_policy_delete(session, message)
  local function f() return pcall(f) end
  while true do f() end
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local function f() return f() end
  return f()
end

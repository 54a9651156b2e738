-- want: error
function pop3_policy_delete(session, message)
  local _ENV <const> = 5
  local function f() return a.b.c end
  return f()
end

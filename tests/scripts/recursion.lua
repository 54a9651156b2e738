-- want: error|memory
function pop3_policy_delete(session, message)
  local function f(x) return 1 + f(x + 1) end
  return f(1)
end

-- want: error|memory
function pop3_policy_delete(session, message)
  local function f(...) return f(1, ...) .. 'x' end
  return f()
end

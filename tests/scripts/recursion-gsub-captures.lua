-- want: error
function pop3_policy_delete(session, message)
  local function f(n)
    return (("x"):gsub(("(x?)"):rep(31) .. ".", function() return f(n + 1) end))
  end
  return f(1)
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local long, n = ("x"):rep(1000000), 0
  while true do
    n = n + 1
    pcall(function() return _G[long] end)
    pcall(function() return _G["pop3_policy_" .. n] end)
  end
end

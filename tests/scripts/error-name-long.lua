-- want: memory|instructions|time
function pop3_policy_delete(session, message)
  local name = ("x"):rep(999999)
  while true do
    pcall(function() return setmetatable({}, { __name = name }) .. 1 end)
    pcall(function() return tostring(setmetatable({}, { __name = name })) end)
  end
end

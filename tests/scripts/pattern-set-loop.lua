-- want: instructions|time
function pop3_policy_delete(session, message)
  local p = "[" .. ("%W"):rep(2000) .. "]"
  while true do local a, b, c = ("x"):find(p), ("x"):find(p), ("x"):find(p) end
end

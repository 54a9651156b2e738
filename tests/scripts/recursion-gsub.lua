-- want: error|memory|instructions|time
function pop3_policy_delete(session, message)
  local function f() return (string.gsub('aaa', 'a', f)) end
  while true do pcall(f) end
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local s = ('a'):rep(100000)
  while true do s:gsub('a', function() end) end
end

-- want: time|pass
local a, b = ('\0'):rep(1000000), ('\0'):rep(999999) .. '\0'
function pop3_policy_delete(session, message)
  return a < b or a < b or a < b or a < b or a < b or
    a < b or a < b or a < b or a < b or a < b or
    a < b or a < b or a < b or a < b or a < b or
    a < b or a < b or a < b or a < b or a < b or nil
end

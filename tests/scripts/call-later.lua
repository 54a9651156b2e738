-- want: error
function pop3_policy_delete(session, message)
  local mt = {}
  local t = setmetatable({}, mt)
  mt.__call = t
  t()
end

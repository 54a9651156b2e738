-- want: allow|error
function pop3_policy_delete(session, message)
  local mt = {}
  rawset(mt, '__index', {})
  local t = setmetatable({}, mt)
  rawset(mt, '__gc', function() end)
  return policy.ALLOW
end

-- want: error
function pop3_policy_delete(session, message)
  local t = setmetatable({}, { __metatable = 'x' })
  setmetatable(t, {})
end

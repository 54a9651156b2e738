-- want: error|memory
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 300 do t = setmetatable({}, { __call = t }) end
  return t()
end

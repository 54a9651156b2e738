-- want: error
function pop3_policy_delete(session, message)
  setmetatable({}, { __mode = 'k' })
end

-- want: error
local kept
function pop3_policy_retrieve(session, message)
  kept = message
end
function pop3_policy_delete(session, message)
  return kept.size
end

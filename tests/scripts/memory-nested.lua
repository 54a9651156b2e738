-- want: memory
function pop3_policy_delete(session, message)
  local t = {}
  while true do t = { t } end
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local a, b = ('\0'):rep(1000000), ('\0'):rep(999999) .. '\0'
  while true do
    if a < b then end if a < b then end if a < b then end if a < b then end
  end
end

-- want: time|pass|error
local a = ('\0'):rep(60000)
function pop3_policy_delete(session, message)
  local s = a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a
  local t = a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a .. a
  local u = t .. a
  return s < u or s < u or s < u or s < u or s < u or
    s < u or s < u or s < u or s < u or s < u or
    s < u or s < u or s < u or s < u or s < u or
    s < u or s < u or s < u or s < u or s < u or nil
end

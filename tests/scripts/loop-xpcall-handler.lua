-- want: instructions|time
function pop3_policy_delete(session, message)
  local function h() while true do end end
  while true do xpcall(h, h) end
end

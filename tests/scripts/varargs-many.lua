-- want: instructions|time|memory|error
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 200000 do t[i] = i end
  local function f(...) return select('#', ...) end
  while true do f(table.unpack(t)) end
end

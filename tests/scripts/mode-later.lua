-- want: memory|instructions|time
function pop3_policy_delete(session, message)
  local mt, list = {}, {}
  mt.__mode = nil
  local last = {}
  for i = 1, 100000 do local t = setmetatable({}, mt) local k = {} t[last] = k last = k list[i] = t end
  mt.__mode = 'k'
  while true do local t = {} end
end

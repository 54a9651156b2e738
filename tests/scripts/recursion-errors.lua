-- want: error|instructions|time
function pop3_policy_delete(session, message)
  local function f() assert(pcall(f)) end
  xpcall(f, f)
  local function g() xpcall(g, g) error(setmetatable({}, { __tostring = g })) end
  pcall(g)
  local t = setmetatable({}, { __index = function(t, k) return t[k .. k] end })
  pcall(function() return t.a end)
  error(t)
end

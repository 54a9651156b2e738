-- want: memory|error
local s = ('x'):rep(1000000)
local t = {}
function pop3_policy_delete(session, message)
  t.a = s .. s
  t.b = t.a .. t.a
  t.c = t.b .. t.b
end

-- want: allow
function pop3_policy_delete(session, message)
  local t = {}
  for i = 1, 65 do t[i] = 1 end
  t[129] = 1
  for i = 7, 62 do t[1 << i] = 1 end
  t[math.maxinteger] = 1
  assert(#t == math.maxinteger)
  for _, name in ipairs({ 'insert', 'remove', 'sort', 'concat', 'unpack' }) do
    local ok, why = pcall(table[name], t)
    assert(not ok and why:find('array too big', 1, true), why)
  end
  return policy.ALLOW
end

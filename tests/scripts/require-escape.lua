-- want: error
function pop3_policy_delete(session, message)
  for _, name in ipairs({ "../address", "address.lua", "/etc/passwd", "a\0", "." }) do
    assert(not pcall(require, "pop3_policy." .. name))
  end
  require("pop3_policy/../../tests/scripts/loop")
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local long = ("x"):rep(1000000)
  while true do
    pcall(policy.list, long)
    pcall(require, long)
    pcall(message.header, message, long)
    local x = session.fields[long]
  end
end

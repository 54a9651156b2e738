-- want: memory|error|instructions|time
function pop3_policy_delete(session, message)
  while true do local ok, e = pcall(error, ('x'):rep(1000000)) session.data[e .. #session.data] = e end
end

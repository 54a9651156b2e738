-- want: instructions|time
function pop3_policy_delete(session, message)
  while true do
    string.format(("%99.99f"):rep(5), 1e308, -1e308, 1e308, -1e308, 1e308)
  end
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  local most = 2147483647
  while true do
    pcall(os.time, { year = most, month = most, day = most, hour = most,
                     min = -most, sec = most })
  end
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  while true do
    pcall(os.date, "*t", math.mininteger)
    pcall(os.date, "%c", 67767976233532799)
  end
end

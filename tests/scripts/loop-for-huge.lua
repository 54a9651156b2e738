-- want: instructions|time
function pop3_policy_delete(session, message)
  for i = math.mininteger, math.maxinteger do end
end

-- want: instructions|time
function pop3_policy_delete(session, message)
  for x in function() return 1 end do end
end

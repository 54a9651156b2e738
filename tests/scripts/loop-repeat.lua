-- want: instructions|time
function pop3_policy_delete(session, message)
  repeat local x = 1 until false
end

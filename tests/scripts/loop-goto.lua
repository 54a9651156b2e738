-- want: instructions|time
function pop3_policy_delete(session, message)
  ::again::
  goto again
end

-- want: error
function pop3_policy_delete(session, message)
  return ('a'):find('[a')
end

-- want: error
function pop3_policy_delete(session, message)
  table.sort({ 1, 'x', {} })
end

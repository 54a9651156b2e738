-- want: instructions|time|pass
function pop3_policy_delete(session, message)
  return (('a'):rep(1000000)):find('%f[b]a*c')
end

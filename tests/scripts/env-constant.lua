-- want: load:error
local _ENV <const> = 'x'
y = 1
function pop3_policy_delete() return z end

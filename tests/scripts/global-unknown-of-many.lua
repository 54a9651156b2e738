-- want: instructions|time
for i = 1, 25000 do _G['abcdefghijklmnopq' .. i] = i end
function pop3_policy_delete(session, message)
  local function read() return abcdefghijklmnopqxx end
  while true do
    pcall(read) pcall(read) pcall(read) pcall(read) pcall(read) pcall(read)
  end
end

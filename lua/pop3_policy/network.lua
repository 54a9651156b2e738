-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Networks, IPv4 and IPv6.
--
--   local network = require("pop3_policy.network")
--   if network.contains(policy.list("networks.txt"), session.remote_ip) then

local network = {}

local function ipv4(text)
	local bytes = { text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$") }
	for i, byte in ipairs(bytes) do
		bytes[i] = tonumber(byte)
		if #byte > 3 or bytes[i] > 255 then
			return nil
		end
	end
	return #bytes == 4 and bytes or nil
end

-- Appends the groups of one side of "::".
local function add_groups(bytes, text)
	for group in (text .. ":"):gmatch("([^:]*):") do
		if not group:match("^%x%x?%x?%x?$") then
			return false
		end
		local number = tonumber(group, 16)
		bytes[#bytes + 1] = number // 256
		bytes[#bytes + 1] = number % 256
	end
	return true
end

local function ipv6(text)
	-- ::ffff:192.0.2.1
	local before, tail = text:match("^(.*:)(%d+%.%d+%.%d+%.%d+)$")
	if tail then
		local bytes = ipv4(tail)
		if not bytes then
			return nil
		end
		text = before .. ("%x:%x"):format(bytes[1] * 256 + bytes[2],
						  bytes[3] * 256 + bytes[4])
	end
	local left, right = text:match("^(.-)::(.*)$")
	local first, last = {}, {}
	if not add_groups(first, left or text) and left ~= "" then
		return nil
	end
	if right and right ~= "" and not add_groups(last, right) then
		return nil
	end
	if right then
		if #first + #last > 14 then
			return nil
		end
		for _ = #first + #last + 1, 16 do
			first[#first + 1] = 0
		end
	end
	table.move(last, 1, #last, #first + 1, first)
	if #first ~= 16 then
		return nil
	end
	-- an IPv4 address in the clothes of IPv6 is the IPv4 address
	for i = 1, 12 do
		if first[i] ~= (i > 10 and 255 or 0) then
			return first
		end
	end
	return { first[13], first[14], first[15], first[16] }
end

local function parse(text)
	return text:find(":", 1, true) and ipv6(text) or ipv4(text)
end

-- The network's bytes and its bits; nil if it is none.
local function parse_network(text)
	local start, bits = text:match("^([%x.:]+)/(%d+)$")
	local bytes = parse(start or text)
	if not bytes then
		return nil
	end
	bits = tonumber(bits or #bytes * 8)
	return bits <= #bytes * 8 and bytes or nil, bits
end

local function is_inside(text, address)
	local bytes, bits = parse_network(text)
	if not bytes then
		error("not a network: \"" .. text .. "\"; expected one like " ..
		      "192.0.2.0/24 or 2001:db8::/32", 3)
	end
	if #bytes ~= #address then
		return false
	end
	for i = 1, bits // 8 do
		if bytes[i] ~= address[i] then
			return false
		end
	end
	local rest = 2 ^ (8 - bits % 8)
	return bits % 8 == 0 or
		bytes[bits // 8 + 1] // rest == address[bits // 8 + 1] // rest
end

-- Is the address in one of the networks? networks: "192.0.2.0/24" or a list
-- of such lines. nil, the address outside of a session, is in none.
function network.contains(networks, ip)
	local address = ip and parse(ip)
	local found = false
	if type(networks) == "string" then
		return address ~= nil and is_inside(networks, address)
	end
	-- all of them, so that a mistake is found by whoever logs in first
	for text in pairs(networks) do
		found = is_inside(text, address or {}) or found
	end
	return found
end

return network

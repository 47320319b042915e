-- What is remembered of a pool of proxies; changes nothing. ARGV from 4: pool, recency window (0: none).
-- Reply: {choices, place whose turn is next, rotations, last used ms (0: never), sticky keys, endpoints inside the window,
-- {endpoint and host, until ms…} of cool-downs, 500 at most}.
local pool, window = ARGV[4], tonumber(ARGV[5])
local state = call('HMGET', key('proxy', pool), 'count', 'turn', 'rotations', 'last_used_at')
local function number(i) return tonumber(state[i] or 0) end
local fill = 0
if window > 0 then fill = call('ZCOUNT', key('proxyranks', pool), '(' .. (number(1) - window), '+inf') end
local sticky = call('ZCOUNT', key('proxystickyuntil', pool), '(' .. now, '+inf')
local resting = call(
  'ZRANGEBYSCORE', key('proxycool', pool), '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 500)
return {number(1), number(2), number(3), number(4), sticky, fill, resting}

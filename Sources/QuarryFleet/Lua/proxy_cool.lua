-- Keeps an endpoint from a host for a while. ARGV from 4: pool, endpoint, host, how long in ms. Reply: {until ms}.
-- Invariant: a cool-down is never shortened.
begin_closing()
local cool, member = key('proxycool', ARGV[4]), ARGV[5] .. ' ' .. ARGV[6]
call('ZADD', cool, 'GT', now + tonumber(ARGV[7]), member)
return {tonumber(call('ZSCORE', cool, member))}

-- Leaves an endpoint out of choices for a while. ARGV from 4: pool, endpoint, host ('' for all), how long in ms, a
-- sticky key that gets another endpoint next time ('' for none). Reply: {until ms}.
-- Invariant: a cool-down is never shortened.
begin_closing()
local pool, endpoint, sticky = ARGV[4], ARGV[5], ARGV[8]
local cool, member = key('proxycool', pool), endpoint .. ' ' .. ARGV[6]
call('HINCRBY', key('proxy', pool), 'rotations', 1)
call('ZADD', cool, 'GT', now + tonumber(ARGV[7]), member)
if sticky ~= '' and call('HGET', key('proxysticky', pool), sticky) == endpoint then
  call('HDEL', key('proxysticky', pool), sticky)
  call('ZREM', key('proxystickyuntil', pool), sticky)
end
return {tonumber(call('ZSCORE', cool, member))}

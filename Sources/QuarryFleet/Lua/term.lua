-- The lock that makes one coordinator lead. ARGV from 4: take or leave, how long in ms, why the
-- coordinator is not well ('' when it is), which others see while it leads.
-- Reply: {term, leader}; the term is 0 when another leads.
-- Invariants: terms grow, and each belongs to one coordinator for one stretch of time.
local held = tonumber(meta.leader_until or 0) > now
if ARGV[4] == 'leave' then
  if held and meta.leader == actor then
    begin_closing()
    call('HDEL', META, 'leader', 'leader_until', 'leader_health')
  end
  return {0, ''}
end
if held and meta.leader ~= actor then return {0, meta.leader} end
begin_closing()
local term = tonumber(meta.term)
if not held then term = call('HINCRBY', META, 'term', 1) end
call('HSET', META, 'leader', actor, 'leader_until', now + tonumber(ARGV[5]), 'leader_health', ARGV[6])
return {term, actor}

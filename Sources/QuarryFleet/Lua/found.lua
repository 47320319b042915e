-- Joins the fleet, and makes its state when this Redis holds none.
-- KEYS: 1 meta. ARGV: 1 generation for a new state, 2 lease ms, 3 heartbeat ms, 4 version, 5 layout.
-- Reply: {generation, version and layout of who made it}.
-- Invariant: a generation is never replaced; a state that was lost gets another one, so that whoever knew the old
-- one is told. Needs no generation itself.
local call = redis.call
if call('EXISTS', META) == 0 then
  call('HSET', META, 'generation', ARGV[1], 'lease_ms', ARGV[2], 'heartbeat_ms', ARGV[3], 'version', ARGV[4],
    'layout', ARGV[5], 'time', 0, 'shift', 0, 'served', 0, 'control', 0, 'paused', 0, 'term', 0, 'host_slots', 0,
    'host_gap_ms', 0, 'kept_done', 0, 'kept_dead', 0)
  redis.pcall('XGROUP', 'CREATE', NOTIFICATIONS, 'publishers', '0', 'MKSTREAM')
end
return call('HMGET', META, 'generation', 'version', 'layout')

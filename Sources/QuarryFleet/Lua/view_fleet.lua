-- The fleet's own values. Reply: {lease ms, heartbeat ms, 1 when paused, leader ('' for none), term, time ms, outbox length,
-- unsettled entries, notifications unsent, submissions waiting, rejects, why the leader is not well ('' when it is)}.
local leader = tonumber(meta.leader_until or 0) > now and meta.leader or ''
return {lease_ms, heartbeat_ms, meta.paused == '1' and 1 or 0, leader, tonumber(meta.term), now, call('LLEN', OUTBOX),
  call('ZCARD', UNSETTLED), call('XLEN', NOTIFICATIONS), call('LLEN', SUBMISSIONS), call('LLEN', REJECTS),
  leader ~= '' and or_empty(call('HGET', META, 'leader_health')) or ''}

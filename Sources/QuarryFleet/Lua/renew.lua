-- Extends what a worker says that it holds, and shows that the worker lives.
-- ARGV from 4: how old the list is, in ms (it is sent again as it was while Redis does not answer), then triples of task,
-- run, epoch.
-- Reply: {lease ms, heartbeat ms, control version, leader ('' for none), 1 when the worker has to join,
-- {lost run…}, {cancelled run…}, what the worker is told ('', pause or drain)}.
-- Invariants: a lost lease is never revived, a cancelled run's never extended; what the worker owns and has not named
-- for two heartbeats before the list was made goes back to the queue without penalty, unless the clock alone says so.
begin_closing()
local lost, cancelled = {}, {}
local held = key('held', actor)
local listed_at = now - tonumber(ARGV[4])
for i = 5, #ARGV, 3 do
  local task, run, epoch = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local t, why = fence(task, run, epoch)
  if t then
    -- Never shorter than before: the executor's own deadline counts from the longer one.
    call('ZADD', LEASES, 'XX', 'GT', now + lease_ms, task)
    call('ZADD', held, 'XX', now, task)
    if t.host ~= '' then call('ZADD', key('slots', t.host), 'XX', 'GT', now + lease_ms, task) end
  elseif why == 'cancelled' then
    call('ZADD', held, 'XX', now, task)
    cancelled[#cancelled + 1] = run
  else
    lost[#lost + 1] = run
  end
end

local unnamed = is_steady() and call('ZRANGEBYSCORE', held, '-inf', listed_at - 2 * heartbeat_ms, 'LIMIT', 0, 100) or {}
for _, task in ipairs(unnamed) do
  local v = fields_of(task, 'run', 'epoch')
  local t, _, off = fence(task, v[1], v[2])
  if t then
    take_back(t)
    release(task, t)
  elseif off then
    call_off(task, off)
  else
    call('ZREM', held, task)
  end
end

local worker = call('HMGET', WORKER .. actor, 'storage', 'hold')
local storage = worker[1]
if storage then
  call('ZADD', WORKERS, now, actor)
  call('ZADD', key('workers', storage), now, actor)
  call('PEXPIRE', WORKER .. actor, 604800000)
end
local leader = tonumber(meta.leader_until or 0) > now and meta.leader or ''
return {lease_ms, heartbeat_ms, tonumber(meta.control), leader, storage and 0 or 1, lost, cancelled,
  or_empty(worker[2])}

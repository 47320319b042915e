-- A worker comes or goes. ARGV from 4: up or down, then for up pairs of fields of the worker, storage among them.
-- Reply: {tasks released}.
-- Invariant: what a worker of this id held before goes back to the queue without penalty.
begin_closing()
local released = 0
local held = key('held', actor)
for _, task in ipairs(call('ZRANGE', held, 0, 999)) do
  local v = fields_of(task, 'run', 'epoch')
  local t, _, off = fence(task, v[1], v[2])
  if t then
    take_back(t)
    release(task, t)
    released = released + 1
  elseif off then
    call_off(task, off)
  else
    call('ZREM', held, task)
  end
end
forget_worker(actor)
if ARGV[4] == 'down' then
  call('UNLINK', WORKER .. actor, key('replies', actor))
  event('worker_down', 'worker', actor)
  return {released}
end
for i = 5, #ARGV, 2 do call('HSET', WORKER .. actor, ARGV[i], ARGV[i + 1]) end
call('HSET', WORKER .. actor, 'joined_at', now)
call('HSET', META, 'worker_slots', or_empty(call('HGET', WORKER .. actor, 'slots')))
call('PEXPIRE', WORKER .. actor, 604800000)
call('ZADD', WORKERS, now, actor)
call('ZADD', key('workers', call('HGET', WORKER .. actor, 'storage')), now, actor)
event('worker_up', 'worker', actor)
return {released}

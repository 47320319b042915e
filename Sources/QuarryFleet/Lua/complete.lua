-- Accepts a run as the task's result, and hands out the next task in the same trip.
-- ARGV from 4: task, run, epoch, number of entries it emitted (-1: not told), items, events, result (JSON), notification
-- (JSON, '' for none), run id of the next claim ('' for none), number of enqueues that named no work, reports of hosts (JSON).
-- Reply: {'accepted', ledger entry or {}, {claim reply} or {}} or {'refused', reason}.
-- Invariants: at most one accepted completion a task; with it, in one step, the pending ledger entry and the pending
-- notification exist, the lease and its slot are gone. A repeat by the accepted run answers accepted, and hands out
-- what the first one did. A cancel that came before wins.
local task, run, epoch, emitted = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local items, events, result, notification, next_run = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local rejected, reports = tonumber(ARGV[13]), cjson.decode(ARGV[14])

local function next_claim(tasks, paused)
  local assignments = {}
  for _, id in ipairs(tasks) do assignments[#assignments + 1] = assignment(id) end
  return {lease_ms, heartbeat_ms, until_due(), paused or 0, assignments}
end

local t, why, off = fence(task, run, epoch)
if off then
  begin_closing()
  call_off(task, off)
  return {'refused', why}
end
if not t then
  local v = call('HMGET', TASK .. task, 'state', 'next', 'next_epoch')
  if why ~= 'ended' or v[1] ~= 'done' then return {'refused', why} end
  local id = 'accepted:' .. task .. ':' .. epoch
  local entry = call('ZSCORE', UNSETTLED, id) and ledger_entry(id) or {}
  local tasks = v[2] and still_leased({{v[2], v[3]}}) or {}
  return {'accepted', entry, next_run ~= '' and next_claim(tasks) or {}}
end
if emitted >= 0 and call('LLEN', key('emitted', run)) ~= emitted then return {'refused', 'emissions missing'} end

begin_closing()
if not t.started then mark_started(task, t) end
heed(t, reports, true)
free(task, t)
call('HSET', TASK .. task, 'state', 'done', 'ended_at', now)
index(task, t.job, 'leased', 'done')
call('SET', key('result', task), cjson.encode({result, notification}))
call('HINCRBY', JOB .. t.job, 'done', 1)
call('HINCRBY', JOB .. t.job, 'items', items)
call('HINCRBY', JOB .. t.job, 'events', events)
if rejected > 0 then call('HINCRBY', JOB .. t.job, 'rejected', rejected) end
if notification ~= '' then call('HINCRBY', JOB .. t.job, 'unsent', 1) end
local id = add_unsettled('accepted', task, t)
event('run_completed', 'job', t.job, 'task', task, 'run', run, 'worker', actor, 'host', t.host, 'items', items)

local following = {}
if next_run ~= '' then
  if is_due() then promote() end
  local tasks, paused = claim(actor, {next_run})
  if tasks[1] then
    call('HSET', TASK .. task, 'next', tasks[1], 'next_epoch', call('HGET', TASK .. tasks[1], 'epoch'))
  end
  following = next_claim(tasks, paused)
end
return {'accepted', ledger_entry(id), following}

-- How claims end. Uses _tasks.lua.
local ERROR_LIMIT = 4096

-- The task's fields when the claim is current, in `more` those that are named besides; else nil and why not: gone, cancelled,
-- ended or stale. A cancelled task whose executor may still run stays leased, so that its host's slot is not given away: its
-- fields come third.
local function fence(task, run, epoch, ...)
  local v = fields_of(task, 'state', 'epoch', 'run', 'owner', 'job', 'host', 'lane', 'started_at', 'attempt', 'cancel_at', ...)
  if not v[1] then return nil, 'gone' end
  local t = {task = task, state = v[1], epoch = v[2], run = v[3], owner = v[4], job = v[5], host = or_empty(v[6]), lane = v[7],
    started = v[8], attempt = tonumber(v[9]) or 0, more = {unpack(v, 11)}}
  if t.epoch ~= epoch or t.run ~= run or t.owner ~= actor then return nil, 'stale' end
  if t.state == 'leased' and v[10] then return nil, 'cancelled', t end
  if t.state == 'leased' then return t end
  if t.state == 'cancelled' then return nil, 'cancelled' end
  return nil, 'ended'
end

-- A longer gap between two ticks of the reaper says that it, the server or its clock stood still, or that the clock was set.
local LONGEST_TICK = math.min(10000, math.max(lease_ms, 5000))

-- Whether time has passed evenly of late, so that what is overdue is somebody's fault.
local function is_steady()
  local tick = call('HMGET', META, 'reaped_at', 'grace_until')
  return now - (tonumber(tick[1]) or now) <= LONGEST_TICK and now >= (tonumber(tick[2]) or 0)
end

-- Spacing of the host's starts, if there is any, counts from now.
local function note_start(host)
  local _, gap = bounds(host_of(host))
  if gap == 0 then return end
  note_host(host, 'last_at', now)
  refresh(host)
end

-- The executor of the current claim has begun: this claim counts as an attempt.
local function mark_started(task, t)
  t.started = now_text
  t.attempt = t.attempt + 1
  if t.host ~= '' then call('SREM', key('starting', t.host), task) end
  call('HSET', TASK .. task, 'started_at', now_text, 'attempt', t.attempt)
  if t.host ~= '' then note_start(t.host) end
  event('run_started', 'job', t.job, 'task', task, 'run', t.run, 'worker', actor, 'attempt', t.attempt, 'host', t.host)
end

-- Takes leases away; whoever waits for a host's slot, or for a job's, may have it.
local function free(leased)
  unlease(leased)
  local hosts, jobs = {}, {}
  for _, t in ipairs(leased) do
    if not hosts[t.host] then
      local g = gate(t.host)
      if g.is_bounded or g.is_shut then refresh(t.host) end
    end
    if not jobs[t.job] and head_of(t.job).concurrency > 0 then enter_rota(t.job) end
    hosts[t.host], jobs[t.job] = true, true
  end
end

-- Takes away a claim whose worker says nothing. Nobody knows whether its executor began: to be sure, its host's spacing
-- counts from now.
local function take_back(t)
  call('UNLINK', key('emitted', t.run))
  if not t.started and t.host ~= '' then note_start(t.host) end
  free({t})
end

-- A final transition whose ledger record is still to be written. Who ended a run writes its record soon; what nobody has
-- in hand counts as old, so that whoever does the fleet's duties writes it next.
local function add_unsettled(kind, task, t, is_orphan)
  local id = kind .. ':' .. task .. ':' .. t.epoch
  call('ZADD', UNSETTLED, is_orphan and now - 86400000 or now, id)
  call('HINCRBY', JOB .. t.job, 'unsettled', 1)
  return id
end

-- What an accepted run left for its ledger record and its notification: {job, run, number of children, result,
-- notification}; nil when it has them.
local function result_of(id)
  local kept = call('HGET', RESULTS, id)
  return kept and cmsgpack.unpack(kept)
end

-- All that the ledger record of an unsettled entry says: {entry, kind, job, task, run, epoch, attempt, depth, target,
-- params, source, category, parent task, origin run, failure, reason, result, {children}, fingerprint}; nil for what is no
-- entry, or whose task is gone.
local function ledger_entry(id)
  local kind, task, epoch = string.match(id, '^(%a+):(.+):(%d+)$')
  local t = fields_of(task or '', 'job', 'run', 'attempt', 'depth', 'target', 'params', 'source', 'category', 'parent',
    'origin', 'failure', 'error', 'print')
  if not t[1] then return nil end
  local j = defaults_of(t[1])
  local kept = kind == 'accepted' and result_of(id)
  return {id, kind, t[1], task, or_empty(t[2]), tonumber(epoch), tonumber(t[3]) or 0, tonumber(t[4]) or 0, t[5],
    params_of(task, t[6]), t[7] or j[1], t[8] or j[2], or_empty(t[9]), or_empty(t[10]), or_empty(t[11]), or_empty(t[12]),
    kept and kept[4] or '', kept and call('LRANGE', key('emitted', t[2]), 0, -1) or {}, or_empty(t[13])}
end

local function die(task, t, failure, reason)
  call('HSET', TASK .. task, 'state', 'dead', 'ended_at', now, 'failure', failure, 'error', string.sub(reason, 1, ERROR_LIMIT))
  index(task, t.job, 'leased', 'dead')
  call('HINCRBY', JOB .. t.job, 'dead', 1)
  event('task_dead', 'job', t.job, 'task', task, 'run', t.run, 'host', t.host, 'failure', failure,
    'error', string.sub(reason, 1, 200))
  return add_unsettled('dead', task, t)
end

-- The end of a cancelled task, which was in the state `from`.
local function end_cancelled(task, job, from, epoch)
  call('HSET', TASK .. task, 'state', 'cancelled', 'ended_at', now)
  index(task, job, from, 'cancelled')
  call('HINCRBY', JOB .. job, 'cancelled', 1)
  event('task_cancelled', 'job', job, 'task', task)
  add_unsettled('cancelled', task, {job = job, epoch = epoch}, true)
end

-- The run of a cancelled task is over, or its lease is.
local function call_off(task, t)
  take_back(t)
  end_cancelled(task, t.job, 'leased', t.epoch)
end

local function release(task, t)
  call('HSET', TASK .. task, 'state', 'ready')
  push(task, t.lane, t.job, t.host, true)
  index(task, t.job, 'leased', 'ready')
  call('HINCRBY', JOB .. t.job, 'released', 1)
end

-- Growth of the wait with each failure of a kind: app 5 s to 10 min, crash from 15 s, blocked 2 s to 1 day.
local GROWTH = {app = 2, crash = 4, blocked = 4}

-- Charges the failure to its budget: schedules the task anew after what the site asked for and a wait with full jitter, or
-- lets it die; nothing dies whose job, which has the budgets, is missing.
-- Returns 'scheduled' and the wait in ms, or 'dead' and the unsettled entry.
local function charge(task, t, kind, reason, at_least)
  local v = call('HMGET', JOB .. t.job, kind .. '_max', kind .. '_base_ms', kind .. '_cap_ms')
  local budget, base, cap = tonumber(v[1]) or math.huge, tonumber(v[2]) or 0, tonumber(v[3]) or 0
  local used = call('HINCRBY', TASK .. task, kind, 1)
  if used >= budget then return 'dead', die(task, t, kind, reason) end
  local longest = math.min(cap, base * GROWTH[kind] ^ (used - 1))
  local wait = at_least + math.floor(math.random() * longest)
  call('HSET', TASK .. task, 'state', 'scheduled', 'due_at', now + wait, 'failure', kind,
    'error', string.sub(reason, 1, ERROR_LIMIT))
  call('ZADD', SCHEDULED, now + wait, task)
  index(task, t.job, 'leased', 'scheduled')
  call('HINCRBY', JOB .. t.job, 'retried', 1)
  event('task_retry', 'job', t.job, 'task', task, 'run', t.run, 'host', t.host, 'failure', kind, 'due_at', now + wait)
  wake(storage_of(t.job))
  return 'scheduled', wait
end

-- Jobs ----------------------------------------------------------------------------------------------------------

-- A job is finished exactly when all its tasks are final, nothing of it is in the outbox, and every end has its
-- ledger record and every acceptance its notification.
local function finish_if_done(job)
  local v = call('HMGET', JOB .. job, 'state', 'admitted', 'done', 'dead', 'cancelled', 'outbox', 'unsettled', 'unsent',
    'root', 'trimmed_done', 'trimmed_dead')
  if v[1] ~= 'open' then return end
  for i = 2, 8 do v[i] = tonumber(v[i]) or 0 end
  if v[2] ~= v[3] + v[4] + v[5] or v[6] + v[7] + v[8] > 0 then return end
  call('HSET', JOB .. job, 'state', 'finished', 'finished_at', now, 'root_state', or_empty(call('HGET', TASK .. v[9], 'state')))
  call('ZADD', key('finished', 'done'), now, job)
  call('ZADD', key('finished', 'dead'), now, job)
  call('HINCRBY', META, 'kept_done', v[3] + v[5] - (tonumber(v[10]) or 0))
  call('HINCRBY', META, 'kept_dead', v[4] - (tonumber(v[11]) or 0))
  call('PEXPIRE', key('prints', job), 86400000)
  call('PEXPIRE', key('scripts', job), 86400000)
  call('PEXPIRE', key('pages', job), 86400000)
  -- Hosts that wait by the bounds of this job need not any more.
  if head_of(job).bounds_hosts then ask_hosts_again() end
  heads[job] = nil
  event('job_finished', 'job', job)
end

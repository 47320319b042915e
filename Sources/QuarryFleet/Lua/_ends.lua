-- How claims end. Uses _tasks.lua.
local ERROR_LIMIT = 4096

-- The task's fields when the claim is current; else nil and why not: gone, cancelled, ended or stale.
local function fence(task, run, epoch)
  local v = call('HMGET', TASK .. task, 'state', 'epoch', 'run', 'owner', 'job', 'host', 'lane', 'started_at', 'attempt')
  if not v[1] then return nil, 'gone' end
  local t = {state = v[1], epoch = v[2], run = v[3], owner = v[4], job = v[5], host = or_empty(v[6]), lane = v[7],
    started = v[8], attempt = tonumber(v[9])}
  if t.epoch ~= epoch or t.run ~= run or t.owner ~= actor then return nil, 'stale' end
  if t.state == 'leased' then return t end
  if t.state == 'cancelled' then return nil, 'cancelled' end
  return nil, 'ended'
end

-- The executor of the current claim has begun: this claim counts as an attempt.
local function mark_started(task, t)
  call('HSET', TASK .. task, 'started_at', now, 'attempt', t.attempt + 1)
  if t.host ~= '' then
    local gap = tonumber(call('HGET', HOST .. t.host, 'gap_ms') or meta.host_gap_ms) or 0
    if gap > 0 then
      call('SREM', key('starting', t.host), task)
      note_host(t.host, gap, 'next_at', math.max(now + gap, tonumber(call('HGET', HOST .. t.host, 'next_at') or 0)))
      refresh(t.host)
    end
  end
  t.started = tostring(now)
  t.attempt = t.attempt + 1
end

-- Takes the lease away; whoever waits for the host's slot may have it.
local function free(task, t)
  unlease(task, t.host, t.owner)
  local _, _, limited = gate(t.host)
  if limited then refresh(t.host) end
end

-- A final transition whose ledger record is still to be written.
local function add_unsettled(kind, task, t)
  local id = kind .. ':' .. task .. ':' .. t.epoch
  call('ZADD', UNSETTLED, now, id)
  call('HINCRBY', JOB .. t.job, 'unsettled', 1)
  return id
end

-- All that the ledger record of an unsettled entry says: {entry, kind, job, task, run, epoch, attempt, depth, target,
-- params, source, category, parent task, origin run, failure, reason, result, {children}}.
local function ledger_entry(id)
  local kind, task, epoch = string.match(id, '^(%a+):(.+):(%d+)$')
  local t = call('HMGET', TASK .. task, 'job', 'run', 'attempt', 'depth', 'target', 'params', 'source', 'category', 'parent',
    'origin', 'failure', 'error')
  local j = call('HMGET', JOB .. t[1], 'source', 'category')
  local children, result = {}, ''
  if kind == 'accepted' then
    children = call('LRANGE', key('emitted', t[2]), 0, -1)
    local kept = call('GET', key('result', task))
    result = kept and cjson.decode(kept)[1] or ''
  end
  return {id, kind, t[1], task, or_empty(t[2]), tonumber(epoch), tonumber(t[3]), tonumber(t[4]), t[5],
    params_of(task, t[6]), t[7] or j[1], t[8] or j[2], or_empty(t[9]), or_empty(t[10]), or_empty(t[11]), or_empty(t[12]),
    result, children}
end

local function die(task, t, failure, reason)
  call('HSET', TASK .. task, 'state', 'dead', 'ended_at', now, 'failure', failure, 'error', string.sub(reason, 1, ERROR_LIMIT))
  index(task, t.job, 'leased', 'dead')
  call('HINCRBY', JOB .. t.job, 'dead', 1)
  event('task_dead', 'job', t.job, 'task', task, 'run', t.run, 'failure', failure, 'error', string.sub(reason, 1, 200))
  return add_unsettled('dead', task, t)
end

local function release(task, t)
  call('HSET', TASK .. task, 'state', 'ready')
  index(task, t.job, 'leased', 'ready')
  call('HINCRBY', JOB .. t.job, 'released', 1)
  push(task, t.lane, t.job, t.host, true)
end

-- Growth of the wait with each failure of a kind: app 5 s to 10 min, crash from 15 s, blocked 2 s to 1 day.
local GROWTH = {app = 2, crash = 4, blocked = 4}

-- Charges the failure to its budget: schedules the task anew after a wait with full jitter, or lets it die.
-- Returns 'scheduled' and the wait in ms, or 'dead' and the unsettled entry.
local function charge(task, t, kind, reason, at_least)
  local v = call('HMGET', JOB .. t.job, kind .. '_max', kind .. '_base_ms', kind .. '_cap_ms')
  local used = call('HINCRBY', TASK .. task, kind, 1)
  if used >= tonumber(v[1]) then return 'dead', die(task, t, kind, reason) end
  local longest = math.min(tonumber(v[3]), tonumber(v[2]) * GROWTH[kind] ^ (used - 1))
  local wait = math.max(at_least, math.floor(math.random() * longest))
  call('HSET', TASK .. task, 'state', 'scheduled', 'due_at', now + wait, 'failure', kind,
    'error', string.sub(reason, 1, ERROR_LIMIT))
  call('ZADD', SCHEDULED, now + wait, task)
  index(task, t.job, 'leased', 'scheduled')
  call('HINCRBY', JOB .. t.job, 'retried', 1)
  event('task_retry', 'job', t.job, 'task', task, 'run', t.run, 'failure', kind, 'due_at', now + wait)
  wake(storage_of(t.job))
  return 'scheduled', wait
end

-- Jobs ----------------------------------------------------------------------------------------------------------

-- A job is finished exactly when all its tasks are final, nothing of it is in the outbox, and every end has its
-- ledger record and every acceptance its notification.
local function finish_if_done(job)
  local v = call('HMGET', JOB .. job, 'state', 'admitted', 'done', 'dead', 'cancelled', 'outbox', 'unsettled', 'unsent',
    'root')
  if v[1] ~= 'open' then return end
  for i = 2, 8 do v[i] = tonumber(v[i]) end
  if v[2] ~= v[3] + v[4] + v[5] or v[6] + v[7] + v[8] > 0 then return end
  call('HSET', JOB .. job, 'state', 'finished', 'finished_at', now, 'root_state', or_empty(call('HGET', TASK .. v[9], 'state')))
  call('ZADD', key('finished', 'done'), now, job)
  call('ZADD', key('finished', 'dead'), now, job)
  call('HINCRBY', META, 'kept_done', v[3] + v[5])
  call('HINCRBY', META, 'kept_dead', v[4])
  call('PEXPIRE', key('prints', job), 86400000)
  call('PEXPIRE', key('scripts', job), 86400000)
  event('job_finished', 'job', job)
end

-- A host that refuses --------------------------------------------------------------------------------------------

-- Closes the host for a while that doubles with each refusal, up to its job's longest wait.
local function back_off(host, job, at_least)
  if host == '' then return end
  local v = call('HMGET', JOB .. job, 'blocked_base_ms', 'blocked_cap_ms')
  local level = call('HINCRBY', HOST .. host, 'level', 1)
  local wait = math.max(at_least, math.min(tonumber(v[2]), tonumber(v[1]) * 2 ^ (level - 1)))
  local next_at = tonumber(call('HGET', HOST .. host, 'next_at') or 0)
  note_host(host, wait, 'next_at', math.max(next_at, now + wait))
  refresh(host)
end

-- The host answers again: the next refusal waits half as long.
local function cool_down(host)
  if call('HINCRBY', HOST .. host, 'level', -1) <= 0 then call('HDEL', HOST .. host, 'level') end
end

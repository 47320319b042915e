-- What people change while work goes on. Uses _ends.lua.

-- Cancels ------------------------------------------------------------------------------------------------------

local function unlist(task, job, lane, host)
  local list = key('ready', lane, job, host)
  local removed = call('LREM', list, 1, task)
  if call('EXISTS', list) == 0 then
    local had_list = call('SREM', key('hostjobs', lane, host), job)
    withdraw(lane, job, host)
    if removed == 0 and had_list == 1 then lose_list(lane, job, host) end
  end
end

-- What is in the job's list of a state and is no task of it, since somebody took its key away or bent it, ends with the job:
-- it counts as cancelled and let go.
local function drop_lost(job, state)
  local lost = 0
  for _, task in ipairs(call('ZRANGE', key('index', job, state), 0, 499)) do
    if fields_of(task, 'job')[1] ~= job then
      call('ZREM', key('index', job, state), task)
      lost = lost + 1
    end
  end
  if lost > 0 then
    call('HINCRBY', JOB .. job, 'cancelled', lost)
    call('HINCRBY', JOB .. job, 'trimmed_done', lost)
  end
end

-- Cancels a task that is not final: at once when no worker has it, else as soon as its executor is stopped.
local function cancel(task)
  local v = fields_of(task, 'state', 'job', 'lane', 'host', 'epoch')
  if v[1] == 'leased' then
    call('HSETNX', TASK .. task, 'cancel_at', now)
    return
  end
  if v[1] == 'ready' then unlist(task, v[2], v[3], or_empty(v[4])) else call('ZREM', SCHEDULED, task) end
  end_cancelled(task, v[2], v[1], v[5])
end

-- Cancels up to `limit` waiting tasks of a cancelled job. Returns how many still wait.
local function sweep(job, limit)
  local left = 0
  for _, state in ipairs({'ready', 'scheduled'}) do
    drop_lost(job, state)
    local tasks = call('ZRANGE', key('index', job, state), 0, limit - 1)
    for _, task in ipairs(tasks) do cancel(task) end
    limit = limit - #tasks
    left = left + call('ZCARD', key('index', job, state))
  end
  if left == 0 then call('SREM', CANCELLING, job) end
  return left
end

-- Holds --------------------------------------------------------------------------------------------------------

-- What was held back from admission goes to the end of the outbox.
local function release_outbox(job)
  local kept = key('outbox', job)
  local count = call('LLEN', kept)
  for from = 0, count - 1, 1000 do
    call('RPUSH', OUTBOX, unpack(call('LRANGE', kept, from, math.min(from + 999, count - 1))))
  end
  call('UNLINK', kept)
  if count > 0 and call('EXISTS', ADMITTER_WAKE) == 0 then call('RPUSH', ADMITTER_WAKE, '1') end
end

local function set_hold(job, hold)
  if hold == '' then call('HDEL', JOB .. job, 'hold') else call('HSET', JOB .. job, 'hold', hold) end
  heads[job] = nil
  if is_held(job) then leave_rota(job, storage_of(job)) else enter_rota(job) end
  if hold == '' or hold == 'cancel' then release_outbox(job) end
end

-- Requeues -----------------------------------------------------------------------------------------------------

-- A finished job goes on. Its fingerprints must be there.
local function reopen(job)
  local v = call('HMGET', JOB .. job, 'state', 'done', 'cancelled', 'dead', 'trimmed_done', 'trimmed_dead')
  if v[1] ~= 'finished' then return end
  local function number(i) return tonumber(v[i]) or 0 end
  call('HSET', JOB .. job, 'state', 'open')
  call('HDEL', JOB .. job, 'finished_at', 'root_state')
  for _, group in ipairs({'done', 'dead'}) do call('ZREM', key('finished', group), job) end
  call('HINCRBY', META, 'kept_done', number(5) - number(2) - number(3))
  call('HINCRBY', META, 'kept_dead', number(6) - number(4))
  for _, kept in ipairs({JOB .. job, key('prints', job), key('scripts', job), key('pages', job)}) do call('PERSIST', kept) end
  event('job_reopened', 'job', job)
end

-- A dead task is to run again: it does as soon as the ledger says so.
local function requeue(task, job, epoch)
  call('HSET', TASK .. task, 'requeue_at', now)
  add_unsettled('requeued', task, {job = job, epoch = epoch}, true)
end

-- The ledger has it that the task was requeued: with all of its budgets it is ready.
local function revive(task, job)
  local v = call('HMGET', TASK .. task, 'state', 'lane', 'host', 'requeue_at')
  if v[1] ~= 'dead' or not v[4] then return end
  call('HSET', TASK .. task, 'state', 'ready')
  call('HDEL', TASK .. task, 'requeue_at', 'ended_at', 'app', 'crash', 'blocked', 'unbegun')
  index(task, job, 'dead', 'ready')
  call('HINCRBY', JOB .. job, 'dead', -1)
  call('HINCRBY', JOB .. job, 'requeued', 1)
  push(task, v[2], job, or_empty(v[3]))
  event('task_requeued', 'job', job, 'task', task)
  if head_of(job).hold == 'cancel' then cancel(task) end
end

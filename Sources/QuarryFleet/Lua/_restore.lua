-- How a job comes back from its ledger. Uses _control.lua, _create.lua, _retention.lua.

-- Takes a task away from the worker that has it, whose run is refused from now on.
local function take_away(task, job)
  local v = fields_of(task, 'host', 'owner', 'run', 'started_at')
  take_back({task = task, job = job, host = or_empty(v[1]), owner = or_empty(v[2]), run = or_empty(v[3]), started = v[4]})
  call('ZREM', LEASES, task)
end

-- An end that the ledger may not have yet is not written any more.
local function forget_end(task)
  local epoch = fields_of(task, 'epoch')[1]
  if not epoch then return end
  for _, kind in ipairs({'accepted', 'dead', 'cancelled', 'requeued'}) do
    call('ZREM', UNSETTLED, kind .. ':' .. task .. ':' .. epoch)
  end
  call('HDEL', RESULTS, 'accepted:' .. task .. ':' .. epoch)
end

-- Whether there is something of the job although its own key is missing, or has no state.
local function has_remains(job)
  local keys = {JOB .. job, key('prints', job)}
  for _, state in ipairs({'ready', 'scheduled', 'leased', 'done', 'dead', 'cancelled'}) do
    keys[#keys + 1] = key('index', job, state)
  end
  return call('EXISTS', unpack(keys)) > 0
end

-- Takes away the job's tasks, up to `limit` in a step. Returns whether those were all.
local function clear_tasks(job, limit)
  for _, state in ipairs({'ready', 'scheduled', 'leased', 'done', 'dead', 'cancelled'}) do
    for _, task in ipairs(call('ZRANGE', key('index', job, state), 0, limit - 1)) do
      local t = fields_of(task, 'lane', 'host')
      if state == 'ready' and t[1] then unlist(task, job, t[1], or_empty(t[2])) end
      if state == 'leased' then take_away(task, job) end
      forget_end(task)
      if state == 'scheduled' then call('ZREM', SCHEDULED, task) end
      forget_task(task, job, state)
      limit = limit - 1
    end
    if limit <= 0 then return false end
  end
  return true
end

-- Once all tasks of the job are gone: drops work whose task is gone from the outbox, as admission would. The ledger has what
-- counts of it, and its task may come back before admission sees it. Goes once round, up to `limit` entries in a step: what
-- stays goes to the end, and `unseen` of the job is how many from the front are still to be looked at. Admission takes from the
-- front meanwhile, and what comes goes to the end and is of other jobs. Returns whether it is round.
local function clear_outbox(job, limit)
  local unseen = tonumber(call('HGET', JOB .. job, 'unseen') or call('LLEN', OUTBOX)) or 0
  local entries = unseen > 0 and call('LRANGE', OUTBOX, 0, math.min(unseen, limit) - 1) or {}
  if #entries == 0 then return true end
  local kept = {}
  for _, entry in ipairs(entries) do
    local task = string.match(entry, '^(%S+) ')
    local owner = task and fields_of(task, 'job')[1]
    if not task or owner and owner ~= job then kept[#kept + 1] = entry end
  end
  if #kept > 0 then call('RPUSH', OUTBOX, unpack(kept)) end
  call('LTRIM', OUTBOX, #entries, -1)
  call('HSET', JOB .. job, 'unseen', unseen - #entries)
  return unseen == #entries
end

-- Takes away what is left of a job without tasks.
local function forget_job(job)
  call('UNLINK', JOB .. job, key('prints', job), key('scripts', job), key('pages', job), key('outbox', job), key('refusers', job))
  call('ZREM', JOBS, job)
  call('SREM', CANCELLING, job)
end

-- Stores one task: what has ended, or what is to run.
local function restore(job, t)
  if call('EXISTS', TASK .. t.task_id) == 1 then return end
  local more = {'print', unhex(t.fingerprint)}
  for _, name in ipairs({'parent', 'origin', 'source', 'category', 'timeout_ms'}) do
    if t[name] then
      more[#more + 1] = name
      more[#more + 1] = t[name]
    end
  end
  create(t.task_id, job, t.depth, t.target, t.params, t.lane, t.host or '', within_a_year(t.delay_ms), more,
    t.state ~= 'ready' and t.state or nil)
  call('HSET', TASK .. t.task_id, 'epoch', t.epoch or 0, 'attempt', t.attempt or 0)
  if t.run then call('HSET', TASK .. t.task_id, 'run', t.run) end
  if t.failure then call('HSET', TASK .. t.task_id, 'failure', t.failure, 'error', t.error) end
  for _, cut in ipairs(t.cut or {}) do call('HSET', key('cut', t.task_id), unhex(cut[1]), cut[2]) end
end

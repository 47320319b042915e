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

-- Work of the job that is still to be admitted: its ledger has what counts of it.
local function forget_outbox(job)
  for _, entry in ipairs(call('LRANGE', OUTBOX, 0, -1)) do
    local task = string.match(entry, '^(%S+) ')
    if task and fields_of(task, 'job')[1] == job then call('LREM', OUTBOX, 1, entry) end
  end
end

-- Whether there is something of the job although its own key is missing, or has no state.
local function has_remains(job)
  local keys = {JOB .. job, key('prints', job)}
  for _, state in ipairs({'ready', 'scheduled', 'leased', 'done', 'dead', 'cancelled'}) do
    keys[#keys + 1] = key('index', job, state)
  end
  return call('EXISTS', unpack(keys)) > 0
end

-- Takes away all that Redis has of a job, up to `limit` tasks in a step. Returns whether that was all.
local function clear(job, limit)
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
  call('UNLINK', JOB .. job, key('prints', job), key('scripts', job), key('pages', job), key('outbox', job), key('refusers', job))
  call('ZREM', JOBS, job)
  call('SREM', CANCELLING, job)
  return true
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

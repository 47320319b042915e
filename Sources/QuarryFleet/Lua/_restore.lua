-- How a job comes back from its ledger. Uses _control.lua, _create.lua, _retention.lua.

-- Takes away all that Redis has of a job, up to `limit` tasks in a step. Returns whether that was all.
local function clear(job, limit)
  for _, state in ipairs({'ready', 'scheduled', 'leased', 'done', 'dead', 'cancelled'}) do
    for _, task in ipairs(call('ZRANGE', key('index', job, state), 0, limit - 1)) do
      local t = call('HMGET', TASK .. task, 'lane', 'host')
      if state == 'ready' then unlist(task, job, t[1], or_empty(t[2])) end
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

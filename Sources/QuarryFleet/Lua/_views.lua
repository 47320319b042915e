-- What reading commands ask for; changes nothing. Uses _tasks.lua.
-- Why a worker that writes to other storage than a job names gets none of its tasks.
local function storage_differs(own, named) return 'it writes to ' .. own .. ', the job names ' .. named end

local TASK_FIELDS = {'job', 'state', 'target', 'depth', 'attempt', 'run', 'owner', 'host', 'lane', 'epoch', 'created_at',
  'claimed_at', 'started_at', 'ended_at', 'due_at', 'failure', 'error', 'parent', 'origin', 'app', 'crash', 'blocked',
  'source', 'category', 'timeout_ms', 'proxy', 'cancel_at', 'requeue_at'}
-- Flat pairs of the fields that the task has.
local function task_view(task)
  local values = fields_of(task, unpack(TASK_FIELDS))
  local view = {'task_id', task}
  for i, name in ipairs(TASK_FIELDS) do
    if values[i] then
      view[#view + 1] = name
      view[#view + 1] = values[i]
    end
  end
  return view
end

local JOB_FIELDS = {'state', 'root', 'created_at', 'finished_at', 'admitted', 'done', 'dead', 'cancelled', 'retried',
  'released', 'outbox', 'unsettled', 'unsent', 'duplicates', 'cut_depth', 'cut_runs', 'cut_forgotten', 'items', 'events', 'depth',
  'max_runs', 'policy', 'storage', 'root_state', 'trimmed_done', 'trimmed_dead', 'source', 'category', 'rejected',
  'host_slots', 'host_gap_ms', 'host_max_pages', 'auto_throttle', 'concurrency', 'cut_pages', 'hold', 'requeued',
  'discarded', 'restoring', 'timeout_ms'}
-- When the first of the job's scheduled tasks is due; of more than a hundred, the first of those that wait longest.
local function next_due(job)
  local first
  for _, task in ipairs(call('ZRANGE', key('index', job, 'scheduled'), 0, 99)) do
    local at = tonumber(call('HGET', TASK .. task, 'due_at'))
    if at and (not first or at < first) then first = at end
  end
  return first or ''
end

-- Flat pairs: the job's fields, its live counts, when its next task is due if all that is left waits for its time, the
-- workers and how many of them may run its tasks.
local function job_view(job)
  local values = call('HMGET', JOB .. job, unpack(JOB_FIELDS))
  if not values[1] then return {} end
  local view = {'job_id', job}
  local function add(name, value)
    view[#view + 1] = name
    view[#view + 1] = value
  end
  for i, name in ipairs(JOB_FIELDS) do
    if values[i] and name ~= 'root_state' then add(name, values[i]) end
  end
  local count = {}
  for _, state in ipairs({'ready', 'scheduled', 'leased'}) do
    count[state] = call('ZCARD', key('index', job, state))
    add(state, count[state])
  end
  if count.scheduled > 0 and count.ready + count.leased + (tonumber(values[11]) or 0) == 0 then
    add('next_due', next_due(job))
  end
  add('root_state', or_empty(call('HGET', TASK .. or_empty(values[2]), 'state') or values[24]))
  if meta.paused == '1' then add('fleet_paused', 1) end
  local live = now - math.max(2 * lease_ms, 3 * heartbeat_ms)
  add('workers', call('ZCOUNT', WORKERS, live, '+inf'))
  local same = key('workers', or_empty(values[23]))
  local eligible = call('ZCOUNT', same, live, '+inf')
  for _, worker in ipairs(call('SRANDMEMBER', key('refusers', job), 1000)) do
    local seen = tonumber(call('ZSCORE', same, worker) or 0)
    if seen >= live and call('HEXISTS', key('refused', worker), job) == 1 then eligible = eligible - 1 end
  end
  add('eligible_workers', eligible)
  return view
end

-- The open ones of the newest 100 jobs.
local function open_jobs()
  local open = {}
  for _, job in ipairs(call('ZREVRANGE', JOBS, 0, 99)) do
    if call('HGET', JOB .. job, 'state') == 'open' then open[#open + 1] = job end
  end
  return open
end

-- Flat pairs: what the worker says of itself, when it was seen, how many tasks it holds, and which of the open jobs it is not
-- given tasks of, with the reason.
local function worker_view(worker, seen, open)
  local own = or_empty(call('HGET', WORKER .. worker, 'storage'))
  local refused = {}
  for _, job in ipairs(open) do
    local named = storage_of(job)
    local reason = own ~= named and storage_differs(own, named) or call('HGET', key('refused', worker), job)
    if reason then
      refused[#refused + 1] = job
      refused[#refused + 1] = reason
    end
  end
  local view = call('HGETALL', WORKER .. worker)
  for _, pair in ipairs({{'worker_id', worker}, {'seen_at', seen},
    {'running', tostring(call('ZCARD', key('held', worker)))}, {'refusals', refused}}) do
    view[#view + 1] = pair[1]
    view[#view + 1] = pair[2]
  end
  return view
end

-- Where tasks are and how they move. Uses _prelude.lua.
-- A task is in exactly one structure: ready:<lane>:<job>:<host> (list), scheduled, leases (sorted sets), or final.
-- index:<job>:<state> lists every task of a job under its state, by the time it came there.
-- A host that may start work is in open:<lane>:<job> of each job that has ready work on it; a host that waits for
-- its time is in hosts:<lane> instead; one whose slots are taken is in neither until a slot gets free.
-- rota:<lane>:<storage> holds the jobs that have an open host. Open hosts and jobs are served in turn: longest
-- unserved first.
local LANES = {'high', 'default', 'low'}
local PARAMS_INLINE = 64
local served = tonumber(meta.served) or 0

local storages = {}
local function storage_of(job)
  local storage = storages[job]
  if not storage then
    storage = call('HGET', JOB .. job, 'storage') or ''
    storages[job] = storage
  end
  return storage
end

-- One idle worker of this storage is woken; it wakes the next one when it leaves work behind.
local function wake(storage)
  local marker = key('wake:work', storage)
  if call('EXISTS', marker) == 0 then call('RPUSH', marker, '1') end
end

local function index(task, job, from, to)
  if from then call('ZREM', key('index', job, from), task) end
  call('ZADD', key('index', job, to), now, task)
end

-- Host gate ---------------------------------------------------------------------------------------------------

-- Whether the host may start a task now; if only time keeps it, when it may; whether it has limits at all.
-- A host with spacing is closed from a claim (it is in starting:<host>) until its executor has begun.
local function gate(host)
  if host == '' then return true, nil, false end
  local h = call('HMGET', HOST .. host, 'next_at', 'slots', 'gap_ms')
  local slots = tonumber(h[2] or meta.host_slots) or 0
  local gap = tonumber(h[3] or meta.host_gap_ms) or 0
  local next_at = tonumber(h[1]) or 0
  local limited = slots > 0 or gap > 0
  if gap > 0 and call('EXISTS', key('starting', host)) == 1 then return false, nil, true end
  if slots > 0 and call('ZCARD', key('slots', host)) >= slots then return false, nil, true end
  if next_at > now then return false, next_at, limited end
  return true, nil, limited
end

-- Notes something about a host; what is known of a host without limits of its own is forgotten after a day and more.
local function note_host(host, keep_ms, ...)
  call('HSET', HOST .. host, ...)
  if call('HEXISTS', HOST .. host, 'slots') + call('HEXISTS', HOST .. host, 'gap_ms') == 0 then
    call('PEXPIRE', HOST .. host, 86400000 + keep_ms)
  end
end

local function offer(lane, job, host)
  if call('ZADD', key('open', lane, job), 'NX', served, host) == 1 then
    local storage = storage_of(job)
    call('ZADD', key('rota', lane, storage), 'NX', served, job)
    wake(storage)
  end
end

local function withdraw(lane, job, host)
  local open = key('open', lane, job)
  if call('ZREM', open, host) == 1 and call('EXISTS', open) == 0 then
    call('ZREM', key('rota', lane, storage_of(job)), job)
  end
end

-- Puts the host where its gate says, in every lane in which it has ready work.
local function refresh(host)
  if host == '' then return end
  local open, at = gate(host)
  for _, lane in ipairs(LANES) do
    local jobs = call('SMEMBERS', key('hostjobs', lane, host))
    for _, job in ipairs(jobs) do
      if open then offer(lane, job, host) else withdraw(lane, job, host) end
    end
    if at and #jobs > 0 then
      call('ZADD', key('hosts', lane), at, host)
    else
      call('ZREM', key('hosts', lane), host)
    end
  end
end

-- Ready work --------------------------------------------------------------------------------------------------

local function push(task, lane, job, host, in_front)
  local length = call(in_front and 'LPUSH' or 'RPUSH', key('ready', lane, job, host), task)
  if length == 1 then
    call('SADD', key('hostjobs', lane, host), job)
    local open, at = gate(host)
    if open then
      offer(lane, job, host)
    elseif at then
      call('ZADD', key('hosts', lane), at, host)
    end
  else
    wake(storage_of(job))
  end
end

-- Takes the next task of the job in the lane; returns its id and host.
local function pop(lane, job)
  local open = key('open', lane, job)
  local host = call('ZRANGE', open, 0, 0)[1]
  if not host then
    call('ZREM', key('rota', lane, storage_of(job)), job)
    return nil
  end
  local list = key('ready', lane, job, host)
  local task = call('LPOP', list)
  if call('EXISTS', list) == 0 then
    call('SREM', key('hostjobs', lane, host), job)
    withdraw(lane, job, host)
  else
    call('ZADD', open, 'XX', served, host)
  end
  call('ZADD', key('rota', lane, storage_of(job)), 'XX', served, job)
  return task, host
end

-- Every sixteenth task is looked for in the low lane first and every fourth in the default lane, so that none
-- starves; else high goes before default before low.
local function lane_order()
  if served % 16 == 0 then return {'low', 'high', 'default'} end
  if served % 4 == 2 then return {'default', 'high', 'low'} end
  return LANES
end

local function first_job(lane, storage, refused)
  local rota = key('rota', lane, storage)
  if not next(refused) then return call('ZRANGE', rota, 0, 0)[1] end
  for _, job in ipairs(call('ZRANGE', rota, 0, 63)) do
    if not refused[job] then return job end
  end
end

-- Moves a leased task out of everything that a lease holds.
local function unlease(task, host, owner)
  call('ZREM', LEASES, task)
  call('ZREM', key('held', owner), task)
  if host ~= '' then
    call('ZREM', key('slots', host), task)
    call('SREM', key('starting', host), task)
  end
end

-- Claims --------------------------------------------------------------------------------------------------------

local function params_of(task, inline)
  return inline or call('GET', key('params', task)) or '{}'
end

-- What a worker gets of a task: {task, job, run, epoch, attempt, parent run, origin run, depth, target, params,
-- source, category, policy, timeout ms ('' for none), content hash of the script ('' when nobody has named it)}.
local function assignment(task)
  local t = call('HMGET', TASK .. task, 'job', 'run', 'epoch', 'attempt', 'prev', 'origin', 'depth', 'target', 'params',
    'source', 'category', 'timeout_ms', 'started_at')
  local j = call('HMGET', JOB .. t[1], 'source', 'category', 'policy', 'timeout_ms')
  local attempt = tonumber(t[4])
  if not t[13] then attempt = attempt + 1 end
  local parent = t[5] or t[6]
  return {task, t[1], t[2], tonumber(t[3]), attempt, or_empty(parent), or_empty(t[6]), tonumber(t[7]), t[8],
    params_of(task, t[9]), t[10] or j[1], t[11] or j[2], j[3], or_empty(t[12] or j[4]),
    or_empty(call('HGET', key('scripts', t[1]), t[8]))}
end

local function lease(task, job, host, run, worker)
  local t = call('HMGET', TASK .. task, 'epoch', 'run', 'started_at')
  local epoch = math.max((tonumber(t[1]) or 0) + 1, now)
  if t[3] then
    call('HSET', TASK .. task, 'prev', t[2])
    call('HDEL', TASK .. task, 'started_at')
  end
  call('HSET', TASK .. task, 'state', 'leased', 'epoch', epoch, 'run', run, 'owner', worker, 'claimed_at', now)
  call('ZADD', LEASES, now + lease_ms, task)
  call('ZADD', key('held', worker), now, task)
  index(task, job, 'ready', 'leased')
  if host == '' then return end
  call('ZADD', key('slots', host), now + lease_ms, task)
  local h = call('HMGET', HOST .. host, 'slots', 'gap_ms')
  local gap = tonumber(h[2] or meta.host_gap_ms) or 0
  if gap > 0 then call('SADD', key('starting', host), task) end
  if gap > 0 or (tonumber(h[1] or meta.host_slots) or 0) > 0 then refresh(host) end
end

-- Leases the next task to the worker; returns its id, or nil when nothing may be handed out.
local function take(worker, storage, refused, run)
  for _ = 1, 100 do
    local lane, job
    for _, candidate in ipairs(lane_order()) do
      job = first_job(candidate, storage, refused)
      if job then lane = candidate break end
    end
    if not job then return nil end
    served = served + 1
    local task, host = pop(lane, job)
    if task and call('HGET', TASK .. task, 'state') == 'ready' then
      lease(task, job, host, run, worker)
      return task
    end
  end
end

local function refusals(worker)
  local refused = {}
  for _, job in ipairs(call('HKEYS', key('refused', worker))) do refused[job] = true end
  return refused
end

local function has_work(storage)
  for _, lane in ipairs(LANES) do
    if call('EXISTS', key('rota', lane, storage)) == 1 then return true end
  end
  return false
end

-- Claims a task for each run id; the last one leaves a marker when there is more. Returns the tasks' ids.
local function claim(worker, storage, runs)
  local tasks = {}
  if meta.paused == '1' then return tasks end
  local refused = refusals(worker)
  for _, run in ipairs(runs) do
    local task = take(worker, storage, refused, run)
    if not task then break end
    tasks[#tasks + 1] = task
  end
  if #tasks > 0 then
    call('HSET', META, 'served', served)
    if #tasks == #runs and has_work(storage) then wake(storage) end
  end
  return tasks
end

-- Makes ready what is due: scheduled tasks, and hosts whose time has come. Bounded.
local function promote()
  local due = call('ZRANGEBYSCORE', SCHEDULED, '-inf', now, 'LIMIT', 0, 100)
  for _, task in ipairs(due) do
    local t = call('HMGET', TASK .. task, 'job', 'lane', 'host')
    call('ZREM', SCHEDULED, task)
    if t[1] then
      call('HSET', TASK .. task, 'state', 'ready')
      call('HDEL', TASK .. task, 'due_at')
      index(task, t[1], 'scheduled', 'ready')
      push(task, t[2], t[1], or_empty(t[3]))
    end
  end
  for _, lane in ipairs(LANES) do
    for _, host in ipairs(call('ZRANGEBYSCORE', key('hosts', lane), '-inf', now, 'LIMIT', 0, 50)) do refresh(host) end
  end
end

-- Whether promote() would do something.
local function is_due()
  local heads = {call('ZRANGE', SCHEDULED, 0, 0, 'WITHSCORES')[2]}
  for _, lane in ipairs(LANES) do heads[#heads + 1] = call('ZRANGE', key('hosts', lane), 0, 0, 'WITHSCORES')[2] end
  local first
  for _, at in pairs(heads) do
    at = tonumber(at)
    if at and (not first or at < first) then first = at end
  end
  return first and first <= now, first
end

-- Milliseconds until something is due; -1 when nothing is.
local function until_due()
  local _, first = is_due()
  return first and math.max(0, first - now) or -1
end

-- A claim is kept as its tasks and epochs; only what is still leased under them is given again.
local function remember_claim(tasks)
  local claims = {}
  for _, task in ipairs(tasks) do claims[#claims + 1] = {task, call('HGET', TASK .. task, 'epoch')} end
  keep('claim', claims)
end

local function still_leased(claims)
  local tasks = {}
  for _, claim in ipairs(claims) do
    local t = call('HMGET', TASK .. claim[1], 'epoch', 'state')
    if t[1] == claim[2] and t[2] == 'leased' then tasks[#tasks + 1] = claim[1] end
  end
  return tasks
end

-- Where tasks are and how they move. Uses _gates.lua.
-- A task is in exactly one structure: ready:<lane>:<job>:<host> (list), scheduled, leases (sorted sets), or final.
-- index:<job>:<state> lists every task of a job under its state, by the time it came there.
-- A host that may start work is in open:<lane>:<job> of each job that has ready work on it; a host that waits for
-- its time is in hosts:<lane> instead; one whose slots are taken is in neither until a slot gets free.
-- rota:<lane>:<storage> holds the jobs that have an open host, room for one more running task, and are not held. Open hosts
-- and jobs are served in turn: longest unserved first. Bounds may have changed since a host or a job was put there, so a
-- claim asks again, and takes out what must wait; what may be there too early in hosts:<lane> is asked once more, and no
-- harm done.
local LANES = {'high', 'default', 'low'}
local PARAMS_INLINE = 64
local served = tonumber(meta.served) or 0

-- One idle worker of this storage is woken; it wakes the next one when it leaves work behind.
local function wake(storage)
  local marker = key('wake:work', storage)
  if call('EXISTS', marker) == 0 then call('RPUSH', marker, '1') end
end

local function index(task, job, from, to)
  if from then call('ZREM', key('index', job, from), task) end
  call('ZADD', key('index', job, to), now, task)
end

-- Who may start -----------------------------------------------------------------------------------------------

local function offer(lane, job, host)
  if call('ZADD', key('open', lane, job), 'NX', served, host) == 1 and not is_full(job) then
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

-- The job is served again, in every lane in which it has an open host, unless it has to wait.
local function enter_rota(job)
  if is_full(job) then return end
  for _, lane in ipairs(LANES) do
    if call('EXISTS', key('open', lane, job)) == 1 then
      call('ZADD', key('rota', lane, storage_of(job)), 'NX', served, job)
      wake(storage_of(job))
    end
  end
end

local function leave_rota(job)
  for _, lane in ipairs(LANES) do call('ZREM', key('rota', lane, storage_of(job)), job) end
end

local function note_shut(host, g)
  if g.closed and not g.is_shut then note_host(host, 'shut', '1') end
end

-- Puts the host where its gate says, in every lane in which it has ready work.
local function refresh(host)
  if host == '' then return end
  local g = gate(host)
  for _, lane in ipairs(LANES) do
    local jobs = call('SMEMBERS', key('hostjobs', lane, host))
    for _, job in ipairs(jobs) do
      if g.closed then withdraw(lane, job, host) else offer(lane, job, host) end
    end
    if #jobs > 0 then
      note_shut(host, g)
      g.is_shut = true
      if g.at then call('ZADD', key('hosts', lane), g.at, host) end
    end
  end
  if not g.closed then call('HDEL', HOST .. host, 'shut') end
end

-- Ready work --------------------------------------------------------------------------------------------------

local function push(task, lane, job, host, in_front)
  local length = call(in_front and 'LPUSH' or 'RPUSH', key('ready', lane, job, host), task)
  if length == 1 then
    call('SADD', key('hostjobs', lane, host), job)
    visit(host, job)
    local g = gate(host)
    note_shut(host, g)
    if not g.closed then
      offer(lane, job, host)
    elseif g.at then
      call('ZADD', key('hosts', lane), g.at, host)
    end
  else
    wake(storage_of(job))
  end
end

-- Takes the next task of the job in the lane from the host, which is its next.
local function pop(lane, job, host)
  local open, list = key('open', lane, job), key('ready', lane, job, host)
  served = served + 1
  local task = call('LPOP', list)
  if call('EXISTS', list) == 0 then
    call('SREM', key('hostjobs', lane, host), job)
    withdraw(lane, job, host)
  else
    call('ZADD', open, 'XX', served, host)
  end
  call('ZADD', key('rota', lane, storage_of(job)), 'XX', served, job)
  return task
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
local function unlease(task, job, host, owner)
  call('ZREM', LEASES, task)
  call('ZREM', key('index', job, 'leased'), task)
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

local function lease(task, job, host, run, worker, is_bounded)
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
  if is_full(job) then leave_rota(job) end
  if host == '' then return end
  call('ZADD', key('slots', host), now + lease_ms, task)
  call('SADD', key('starting', host), task)
  if is_bounded then refresh(host) end
end

local function next_in_turn(storage, refused)
  for _, lane in ipairs(lane_order()) do
    local job = first_job(lane, storage, refused)
    if job then return lane, job end
  end
end

-- Leases the next task of the job in the lane to the worker, or takes out what has to wait; returns the task's id or nil.
local function take_from(lane, job, run, worker)
  if is_full(job) then return leave_rota(job) end
  local host = call('ZRANGE', key('open', lane, job), 0, 0)[1]
  if not host then
    call('ZREM', key('rota', lane, storage_of(job)), job)
    return nil
  end
  visit(host, job)
  local g = gate(host)
  if g.closed then return refresh(host) end
  local task = pop(lane, job, host)
  if not task or call('HGET', TASK .. task, 'state') ~= 'ready' then return nil end
  lease(task, job, host, run, worker, g.is_bounded)
  return task
end

-- Leases the next task to the worker; returns its id, or nil when nothing may be handed out, or not in this step.
local function take(worker, storage, refused, run)
  for _ = 1, 100 do
    local lane, job = next_in_turn(storage, refused)
    if not job then return nil end
    local task = take_from(lane, job, run, worker)
    if task then return task end
  end
  wake(storage)
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

-- Whether the worker is handed nothing for now, and what it stores to.
local function worker_of(worker)
  local v = call('HMGET', WORKER .. worker, 'storage', 'hold')
  return v[1] or '', meta.paused == '1' or or_empty(v[2]) ~= ''
end

-- Claims a task for each run id; the last one leaves a marker when there is more. Returns the tasks' ids, and 1 when the
-- worker is handed nothing for now.
local function claim(worker, runs)
  local tasks = {}
  local storage, is_paused = worker_of(worker)
  if is_paused then return tasks, 1 end
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
  return tasks, 0
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
    local hosts = key('hosts', lane)
    for _, host in ipairs(call('ZRANGEBYSCORE', hosts, '-inf', now, 'LIMIT', 0, 50)) do
      call('ZREM', hosts, host)
      refresh(host)
    end
  end
end

-- Bounds have become wider: hosts that wait for their time are asked again, some with each tick of the reaper.
local function ask_hosts_again() call('HSET', META, 'asking', '1 -inf') end

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

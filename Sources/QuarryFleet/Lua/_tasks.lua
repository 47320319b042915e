-- Where tasks are and how they move. Uses _gates.lua.
-- A task is in exactly one structure: ready:<lane>:<job>:<host> (list), scheduled, leases (sorted sets), or final.
-- index:<job>:<state> lists every task of a job under its state, by the time it came there.
-- A host that may start work is in open:<lane>:<job> of each job that has ready work on it; a host that waits for
-- its time is in hosts:<lane> instead; one whose slots are taken is in neither until a slot gets free.
-- rota:<lane>:<storage> holds the jobs that have an open host, room for one more running task, and are not held. Open hosts
-- and jobs are served in turn: longest unserved first. Bounds may have changed since a host or a job was put there, so a
-- claim asks again, and takes out what must wait; what may be there too early in hosts:<lane> is asked once more, and no
-- harm done.
-- A list that somebody took away is noticed by the next claim, push or cancel; its tasks are still in the index of ready ones,
-- which the reaper looks through in steps, once for all lists of a job. searching holds the jobs, by the time up to which that
-- is done; lost:<job> when each list was missed ('<lane> <host>'), when one was last ('until'), and whether that was after
-- another had been ('again').
local LANES = {'high', 'default', 'low'}
local PARAMS_INLINE = 64
local served = tonumber(meta.served) or 0

-- One idle worker of this storage is woken; it wakes the next one when it leaves work behind.
local function wake(storage)
  local marker = key('wake:work', storage)
  if call('EXISTS', marker) == 0 then call('RPUSH', marker, '1') end
end

-- A task that was leased is off the list of leased ones by unlease(); its lease ends here, when it is found elsewhere.
local function index(task, job, from, to)
  call('ZADD', key('index', job, to), now, task)
  if from then call('ZREM', from == 'leased' and LEASES or key('index', job, from), task) end
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

local function leave_rota(job, storage)
  for _, lane in ipairs(LANES) do call('ZREM', key('rota', lane, storage), job) end
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

-- Puts the job's host where its gate says, as it has ready work in this lane.
local function post(lane, job, host)
  local g = gate(host)
  note_shut(host, g)
  if not g.closed then
    offer(lane, job, host)
  elseif g.at then
    call('ZADD', key('hosts', lane), g.at, host)
  end
end

-- Ready work --------------------------------------------------------------------------------------------------

-- The job's list at the host is not there, and had tasks.
local function lose_list(lane, job, host)
  local lost = key('lost', job)
  if call('ZADD', SEARCHING, 'NX', 0, job) == 0 then call('HSET', lost, 'again', '1') end
  call('HSET', lost, lane .. ' ' .. host, now_text, 'until', now_text)
  event('key_replaced', 'job', job, 'error', 'key ' .. key('ready', lane, job, host)
    .. ' was gone: its tasks are looked for among those of job ' .. job .. ' that are ready')
end

local function push(task, lane, job, host, in_front)
  local length = call(in_front and 'LPUSH' or 'RPUSH', key('ready', lane, job, host), task)
  if length == 1 then
    if call('SADD', key('hostjobs', lane, host), job) == 0 then lose_list(lane, job, host) end
    visit(host, job)
    post(lane, job, host)
  else
    wake(storage_of(job))
  end
end

-- A task as its next run is to know it; what it has not is false.
local function read(task)
  local v = fields_of(task, 'job', 'state', 'epoch', 'run', 'attempt', 'started_at', 'prev', 'origin', 'depth', 'target',
    'params', 'source', 'category', 'timeout_ms')
  return {task = task, job = v[1], state = v[2], epoch = tonumber(v[3]) or 0, run = v[4], attempt = tonumber(v[5]) or 0,
    started = v[6], prev = v[7], origin = v[8], depth = tonumber(v[9]), target = v[10], params = v[11], source = v[12],
    category = v[13], timeout = v[14]}
end

-- Takes the next tasks of the job in the lane from the host, which is its next; `most` at most. Returns them as they were
-- read. From here on they are in `leases`, where the reaper finds them whatever comes. What lacks a part without which no
-- worker could run it is no task, and left out.
local function pop(lane, job, host, most)
  local open, list = key('open', lane, job), key('ready', lane, job, host)
  local popped = call('LPOP', list, most) or {}
  if #popped == 0 then lose_list(lane, job, host) end
  local tasks, leases, seen = {}, {}, {}
  for _, task in ipairs(popped) do
    local t = read(task)
    if t.state == 'ready' and t.job == job and t.depth and t.target and not seen[task] then
      seen[task] = true
      tasks[#tasks + 1] = t
      gather(leases, LEASES, lease_end_text, task)
    end
  end
  write('ZADD', leases)
  served = served + math.max(1, #popped)
  if call('EXISTS', list) == 0 then
    call('SREM', key('hostjobs', lane, host), job)
    withdraw(lane, job, host)
  else
    call('ZADD', open, 'XX', served, host)
  end
  call('ZADD', key('rota', lane, storage_of(job)), 'XX', served, job)
  return tasks
end

-- Whether the job's only open host in the lane is all that may be handed out: then there are no turns to take.
local function is_only_source(lane, job, storage)
  if head_of(job).concurrency > 0 or call('ZCARD', key('open', lane, job)) > 1 then return false end
  for _, other in ipairs(LANES) do
    if call('ZCARD', key('rota', other, storage)) > (other == lane and 1 or 0) then return false end
  end
  return true
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

-- Moves leased tasks, each {task, job, host, owner, started}, out of everything that leases hold, but not out of `leases`:
-- there they stay until they are elsewhere.
local function unlease(leased)
  local groups = {}
  for _, t in ipairs(leased) do
    gather(groups, key('held', t.owner), t.task)
    gather(groups, key('index', t.job, 'leased'), t.task)
    if t.host ~= '' then
      gather(groups, key('slots', t.host), t.task)
      if not t.started then call('SREM', key('starting', t.host), t.task) end
    end
  end
  write('ZREM', groups)
end

-- Claims --------------------------------------------------------------------------------------------------------

local function params_of(task, inline)
  return inline or call('GET', key('params', task)) or '{}'
end

local defaults = {}
-- What a job's tasks take from it where they say nothing of their own: {source, category, policy, timeout ms}.
local function defaults_of(job)
  defaults[job] = defaults[job] or call('HMGET', JOB .. job, 'source', 'category', 'policy', 'timeout_ms')
  return defaults[job]
end

local hashes = {}
-- Content hash of a script, as the job means it; '' when nobody has named it.
local function hash_of(job, target)
  local name = job .. ' ' .. target
  hashes[name] = hashes[name] or or_empty(call('HGET', key('scripts', job), target))
  return hashes[name]
end

-- What a worker gets of a task that was read: {task, job, run, epoch, attempt, parent run, origin run, depth, target, params,
-- source, category, policy, timeout ms ('' for none), content hash of the script ('' when nobody has named it)}.
local function assignment(t)
  local job = defaults_of(t.job)
  return {t.task, t.job, t.run, t.epoch, t.started and t.attempt or t.attempt + 1, or_empty(t.prev or t.origin),
    or_empty(t.origin), t.depth, t.target, params_of(t.task, t.params), t.source or job[1], t.category or job[2], job[3],
    or_empty(t.timeout or job[4]), hash_of(t.job, t.target)}
end

-- Leases the task that was popped. What no further claim looks at is left to the caller to write: `added` and `removed`.
local function lease(t, run, worker, added, removed)
  t.epoch = math.max(t.epoch + 1, now)
  if t.started then
    call('HSET', TASK .. t.task, 'prev', t.run)
    call('HDEL', TASK .. t.task, 'started_at')
    t.prev, t.started = t.run, false
  end
  t.run = run
  call('HSET', TASK .. t.task, 'state', 'leased', 'epoch', t.epoch, 'run', run, 'owner', worker, 'claimed_at', now_text)
  gather(added, key('held', worker), now_text, t.task)
  if head_of(t.job).concurrency > 0 then
    index(t.task, t.job, 'ready', 'leased')
    if is_full(t.job) then leave_rota(t.job, storage_of(t.job)) end
  else
    gather(removed, key('index', t.job, 'ready'), t.task)
    gather(added, key('index', t.job, 'leased'), now_text, t.task)
  end
end

-- Tasks that were leased take slots of their host, and are about to start there.
local function occupy(host, tasks, is_bounded)
  if host == '' then return end
  local slots, starting = {}, {}
  for _, t in ipairs(tasks) do
    gather(slots, key('slots', host), lease_end_text, t.task)
    gather(starting, key('starting', host), t.task)
  end
  write('ZADD', slots)
  write('SADD', starting)
  if is_bounded then refresh(host) end
end

local function next_in_turn(storage, refused)
  for _, lane in ipairs(lane_order()) do
    local job = first_job(lane, storage, refused)
    if job then return lane, job end
  end
end

-- Takes the next task of the job in the lane, or what has to wait out of the way. Where nothing else may be handed out it
-- takes up to `most` tasks. Returns tasks that were popped, their host, and whether a claim may close it.
local function take_from(lane, job, storage, most)
  if is_full(job) then
    if head_of(job).is_missing then event('job_missing', 'job', job) end
    leave_rota(job, storage)
    return {}
  end
  local host = call('ZRANGE', key('open', lane, job), 0, 0)[1]
  if not host then
    call('ZREM', key('rota', lane, storage), job)
    return {}
  end
  visit(host, job)
  local g = gate(host)
  if g.closed then
    refresh(host)
    return {}
  end
  local is_alone = most > 1 and not g.is_bounded and is_only_source(lane, job, storage)
  return pop(lane, job, host, is_alone and most or 1), host, g.is_bounded
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

-- How often a claim may meet what has to wait before it leaves the rest to another.
local LONGEST_SEARCH = 100

-- Claims a task for each run id; the last one leaves a marker when there is more. Returns the tasks as they were read and
-- leased, and 1 when the worker is handed nothing for now.
local function claim(worker, runs)
  local claimed, added, removed = {}, {}, {}
  local storage, is_paused = worker_of(worker)
  if is_paused then return claimed, 1 end
  local refused, missed = refusals(worker), 0
  while #claimed < #runs and missed < LONGEST_SEARCH do
    local lane, job = next_in_turn(storage, refused)
    if not job then break end
    local tasks, host, is_bounded = take_from(lane, job, storage, #runs - #claimed)
    for _, t in ipairs(tasks) do
      lease(t, runs[#claimed + 1], worker, added, removed)
      claimed[#claimed + 1] = t
    end
    if #tasks > 0 then occupy(host, tasks, is_bounded) end
    missed = #tasks > 0 and 0 or missed + 1
  end
  write('ZREM', removed)
  write('ZADD', added)
  if #claimed > 0 then call('HSET', META, 'served', served) end
  if missed == LONGEST_SEARCH or #claimed == #runs and has_work(storage) then wake(storage) end
  return claimed, 0
end

-- Makes ready what is due: scheduled tasks, and hosts whose time has come. Bounded.
local function promote()
  local due = call('ZRANGEBYSCORE', SCHEDULED, '-inf', now, 'LIMIT', 0, 100)
  for _, task in ipairs(due) do
    local t = fields_of(task, 'job', 'lane', 'host')
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
  for _, t in ipairs(tasks) do claims[#claims + 1] = {t.task, t.epoch} end
  keep('claim', claims)
end

local function still_leased(claims)
  local tasks = {}
  for _, claim in ipairs(claims) do
    local t = read(claim[1])
    if t.epoch == tonumber(claim[2]) and t.state == 'leased' then tasks[#tasks + 1] = t end
  end
  return tasks
end

-- What people tell the fleet, a job, a task, a worker or a host.
-- ARGV from 4: verb, kind, id ('' for the fleet), then what the verb takes:
--   pause, resume  fleet, job or worker
--   drain          job: nothing more is admitted, what is there is run; worker: it ends its runs and leaves
--   cancel         task; job: how many waiting tasks in this step, 500 say. The others follow with each call and with each
--                  tick of the reaper
--   requeue        task; job: how many dead ones to pass over, how many to look at (500 at most), 1 to requeue or 0 to
--                  look, then filters, '' for any: host, failure kind, part of the error
--   set            fleet, job or host: pairs of field and value, '' to go back to the default
-- Reply: {'refused', reason}, or {'done', control version, 1 when it changed something, …}; cancel of a job adds the tasks
-- that still wait and those that still run, requeue {next offset or -1, {flat pairs of a task…}, dead ones that cannot be
-- requeued yet since the ledger does not have their deaths}.
-- Invariants: everything is checked before the first write; each change has a version, which renew tells each worker;
-- nothing of a cancelled job or task is completed, emitted or claimed from then on; a requeued task is claimed only when
-- the ledger has it; a repeat gets the first reply.
local verb, kind, id = ARGV[4], ARGV[5], ARGV[6]
local before = replayed('control')
if before then return before end

local function refused(reason) return {'refused', reason} end

-- Ends the step: counts a change, tells everybody.
local function done(changed, ...)
  local version = tonumber(meta.control)
  if changed then
    version = call('HINCRBY', META, 'control', 1)
    event('control', 'verb', verb, 'kind', kind, 'id', id, kind == 'job' and 'job' or 'subject', id)
  end
  return keep('control', {'done', version, changed and 1 or 0, ...})
end

-- Fleet --------------------------------------------------------------------------------------------------------

local function hold_fleet()
  local value = verb == 'pause' and '1' or '0'
  begin_closing()
  if meta.paused == value then return done(false) end
  call('HSET', META, 'paused', value)
  if verb == 'resume' then
    local seen = {}
    for _, worker in ipairs(call('ZREVRANGE', WORKERS, 0, 999)) do
      local storage = call('HGET', WORKER .. worker, 'storage')
      if storage and not seen[storage] and has_work(storage) then wake(storage) end
      seen[storage or ''] = true
    end
  end
  return done(true)
end

-- Jobs ---------------------------------------------------------------------------------------------------------

local function hold_job(holds)
  local v = call('HMGET', JOB .. id, 'state', 'hold', 'restoring')
  if not v[1] then return refused('unknown') end
  if v[1] ~= 'open' then return refused(v[1]) end
  if v[3] then return refused('restoring') end
  if v[2] == 'cancel' then return refused('cancelled') end
  begin_closing()
  if or_empty(v[2]) == holds[verb] then return done(false) end
  set_hold(id, holds[verb])
  return done(true)
end

local function cancel_job(limit)
  local v = call('HMGET', JOB .. id, 'state', 'hold', 'restoring')
  if not v[1] then return refused('unknown') end
  if v[1] ~= 'open' then return refused(v[1]) end
  if v[3] then return refused('restoring') end
  begin_closing()
  local is_new = v[2] ~= 'cancel'
  if is_new then
    set_hold(id, 'cancel')
    call('SADD', CANCELLING, id)
    drop_lost(id, 'leased')
    for _, task in ipairs(call('ZRANGE', key('index', id, 'leased'), 0, -1)) do cancel(task) end
  end
  local left = sweep(id, limit)
  finish_if_done(id)
  return done(is_new, left, call('ZCARD', key('index', id, 'leased')))
end

-- Tasks --------------------------------------------------------------------------------------------------------

local function cancel_task()
  local v = fields_of(id, 'state', 'cancel_at', 'job')
  if not v[1] or not v[3] then return refused('unknown') end
  if v[1] == 'done' or v[1] == 'dead' or v[1] == 'cancelled' then return refused(v[1]) end
  begin_closing()
  cancel(id)
  return done(not v[2])
end

-- Whether the job can take back a dead task: '' or why not.
local function reopens(job)
  local v = call('HMGET', JOB .. job, 'state', 'hold')
  if not v[1] then return 'unknown' end
  if v[2] == 'cancel' then return 'cancelled' end
  -- Without its fingerprints it would run again what it has.
  return call('EXISTS', key('prints', job)) == 1 and '' or 'forgotten'
end

local function requeue_task()
  local v = call('HMGET', TASK .. id, 'state', 'job', 'epoch', 'requeue_at')
  if not v[1] then return refused('unknown') end
  if v[1] ~= 'dead' then return refused(v[1]) end
  local why = reopens(v[2])
  if why ~= '' then return refused(why) end
  if call('ZSCORE', UNSETTLED, 'dead:' .. id .. ':' .. v[3]) then return refused('unrecorded') end
  begin_closing()
  if v[4] then return done(false, -1, {}, 0) end
  reopen(v[2])
  requeue(id, v[2], v[3])
  return done(true, -1, {task_view(id)}, 0)
end

local function requeue_job(offset, limit, writes, host, failure, part)
  local why = reopens(id)
  if why ~= '' then return refused(why) end
  local tasks = call('ZRANGE', key('index', id, 'dead'), offset, offset + limit - 1)
  local fitting, busy = {}, 0
  for _, task in ipairs(tasks) do
    local v = call('HMGET', TASK .. task, 'epoch', 'requeue_at', 'host', 'failure', 'error')
    local fits = not v[2] and (host == '' or v[3] == host) and (failure == '' or v[4] == failure)
      and (part == '' or string.find(or_empty(v[5]), part, 1, true))
    if fits and call('ZSCORE', UNSETTLED, 'dead:' .. task .. ':' .. v[1]) then
      busy = busy + 1
    elseif fits then
      fitting[#fitting + 1] = {task, v[1]}
    end
  end
  local views = {}
  for _, task in ipairs(fitting) do views[#views + 1] = task_view(task[1]) end
  local following = #tasks == limit and offset + limit or -1
  if not writes then return {'done', tonumber(meta.control), 0, following, views, busy} end
  begin_closing()
  if #fitting > 0 then reopen(id) end
  for _, task in ipairs(fitting) do requeue(task[1], id, task[2]) end
  return done(#fitting > 0, following, views, busy)
end

-- Workers ------------------------------------------------------------------------------------------------------

local function hold_worker()
  local worker = WORKER .. id
  if call('EXISTS', worker) == 0 then return refused('unknown') end
  local hold = or_empty(call('HGET', worker, 'hold'))
  local wanted = verb == 'resume' and '' or verb
  -- One that was told to leave may be gone already.
  if hold == 'drain' and wanted ~= 'drain' then return refused('draining') end
  begin_closing()
  if hold == wanted then return done(false) end
  if wanted == '' then call('HDEL', worker, 'hold') else call('HSET', worker, 'hold', wanted) end
  return done(true)
end

-- Limits -------------------------------------------------------------------------------------------------------

-- The least value of each field that can be set.
local LIMITS = {
  fleet = {lease_ms = 1000, heartbeat_ms = 1, host_slots = 0, host_gap_ms = 0, auto_throttle = 0},
  job = {host_slots = 0, host_gap_ms = 0, host_max_pages = 0, auto_throttle = 0, concurrency = 0, max_runs = 0,
    timeout_ms = 1, app_max = 1, app_base_ms = 0, app_cap_ms = 0, crash_max = 1, crash_base_ms = 0, blocked_max = 1, blocked_base_ms = 0},
  host = {slots = 0, gap_ms = 0},
}
-- What is not set can only be given back where there is a default.
local OPTIONAL = {timeout_ms = true, slots = true, gap_ms = true}

local function set()
  local name = ({fleet = META, job = JOB .. id, host = HOST .. id})[kind]
  if kind == 'job' and call('EXISTS', name) == 0 then return refused('unknown') end
  local values = {}
  for i = 7, #ARGV, 2 do
    local field, value = ARGV[i], ARGV[i + 1]
    local least = LIMITS[kind][field]
    local number = tonumber(value)
    if not least then return refused('no limit ' .. field) end
    if value == '' and not OPTIONAL[field] then return refused(field .. ' has no default') end
    if value ~= '' and not (number and number >= least and number % 1 == 0) then return refused(field .. ' ' .. value) end
    values[field] = value
  end
  if kind == 'fleet' and 2 * tonumber(values.heartbeat_ms or heartbeat_ms) > tonumber(values.lease_ms or lease_ms) then
    return refused('heartbeat_ms above half of lease_ms')
  end
  begin_closing()
  for field, value in pairs(values) do
    if value == '' then call('HDEL', name, field) else call('HSET', name, field, value) end
    if kind == 'fleet' then meta[field] = value end
  end
  heads[id] = nil
  if kind == 'host' then
    if call('HEXISTS', name, 'slots') + call('HEXISTS', name, 'gap_ms') > 0 then
      call('PERSIST', name)
    elseif call('EXISTS', name) == 1 then
      call('PEXPIRE', name, 2 * DAY)
    end
    refresh(id)
  else
    -- What wider bounds open waits for its time, or is busy now.
    local seen = {['-'] = true}
    for _, task in ipairs(call('ZRANGE', LEASES, 0, -1)) do
      local v = fields_of(task, 'host', 'job')
      local host = v[1] or '-'
      -- A job that had no bounds when it came there has not told its hosts.
      if kind == 'job' and v[2] == id and v[1] then visit(host, id) end
      if not seen[host] then refresh(host) end
      seen[host] = true
    end
    ask_hosts_again()
    if kind == 'job' then enter_rota(id) end
  end
  return done(true)
end

-- -------------------------------------------------------------------------------------------------------------

local number = function(i) return tonumber(ARGV[i]) end
if verb == 'set' and LIMITS[kind] then return set() end
if kind == 'fleet' and (verb == 'pause' or verb == 'resume') then return hold_fleet() end
if kind == 'worker' and (verb == 'pause' or verb == 'resume' or verb == 'drain') then return hold_worker() end
if kind == 'job' and verb == 'cancel' then return cancel_job(number(7)) end
if kind == 'job' and verb == 'requeue' then
  return requeue_job(number(7), math.min(number(8), 500), ARGV[9] == '1', ARGV[10], ARGV[11], ARGV[12])
end
if kind == 'job' then return hold_job({pause = 'pause', drain = 'drain', resume = ''}) end
if kind == 'task' and verb == 'cancel' then return cancel_task() end
if kind == 'task' and verb == 'requeue' then return requeue_task() end
return refused('no such command')

-- Turns derived work from the outbox into tasks, in order.
-- ARGV from 4: term of the leading coordinator (0: a worker, while none leads), how many entries at most.
-- Reply: {entries taken, entries left}, or {-1, leader} when another leads; then the wake-up that this one may have
-- taken from it is given back.
-- Invariants: a fingerprint is added if and only if its task is stored; what is taken leaves the outbox in the same
-- step, and taking it again would change nothing; a job never has more than max_runs tasks, nor more than host_max_pages
-- for one host, its root included. What
-- was cut by depth only is kept with the task that emitted it, and comes back to the outbox when that task is found
-- nearer to the root. Work of a job that is paused or drained waits in outbox:<job> and counts as in the outbox; that of
-- a cancelled one is discarded.
local term, limit = tonumber(ARGV[4]), math.min(tonumber(ARGV[5]), 500)
local leads = tonumber(meta.leader_until or 0) > now and meta.leader or nil
if term > 0 and tonumber(meta.term) ~= term or term == 0 and leads then
  if call('EXISTS', OUTBOX) == 1 and call('EXISTS', ADMITTER_WAKE) == 0 then
    begin_closing()
    call('RPUSH', ADMITTER_WAKE, '1')
  end
  return {-1, or_empty(leads)}
end
local before = replayed('admit')
if before then return before end
local entries = call('LRANGE', OUTBOX, 0, limit - 1)
if #entries == 0 then return {0, 0} end
begin()

-- Work cut by depth that a job keeps at most; beyond it work is cut for good, and counted.
local CUT_LIMIT = 100000

local parents, jobs = {}, {}
local function job_of(id)
  if not jobs[id] then
    local v = call('HMGET', JOB .. id, 'depth', 'max_runs', 'admitted', 'state', 'cut_kept', 'host_max_pages', 'hold')
    jobs[id] = {is_held = v[7] == 'pause' or v[7] == 'drain', is_cancelled = v[7] == 'cancel', discarded = 0,
      depth = tonumber(v[1]) or 0, max = tonumber(v[2]) or 0, admitted = tonumber(v[3]) or 0, is_missing = not v[4], open = v[4] == 'open',
      kept = tonumber(v[5]) or 0, pages = tonumber(v[6]) or 0, cut_pages = 0, outbox = 0, new = 0, duplicates = 0,
      cut_depth = 0, cut_runs = 0, cut_kept = 0,
      cut_forgotten = 0}
  end
  return jobs[id]
end
-- The job and the depth of the task that derived something; none when either is gone. Of a job that is missing the ledger has
-- what its accepted runs derived.
local function parent_of(task)
  if not parents[task] then parents[task] = fields_of(task, 'job', 'depth') end
  local id = parents[task][1]
  if not id or job_of(id).is_missing then return nil end
  return id, tonumber(parents[task][2]) or 0
end

-- Work that is too deep waits with its task, once for each fingerprint.
local function cut(job, task, run, print, text)
  if job.kept + job.cut_kept >= CUT_LIMIT then
    job.cut_depth = job.cut_depth + 1
    job.cut_forgotten = job.cut_forgotten + 1
  elseif call('HSETNX', key('cut', task), print, run .. ' ' .. text) == 1 then
    job.cut_depth = job.cut_depth + 1
    job.cut_kept = job.cut_kept + 1
  else
    job.duplicates = job.duplicates + 1
  end
end

-- A task that was found again nearer to the root counts from there, and so does what it derived and was cut.
local function found_again(job, task, depth)
  if depth >= (tonumber(fields_of(task, 'depth')[1]) or 0) then return end
  call('HSET', TASK .. task, 'depth', depth)
  if parents[task] then parents[task][2] = depth end
  local kept = call('HVALS', key('cut', task))
  for _, entry in ipairs(kept) do call('RPUSH', OUTBOX, task .. ' ' .. entry) end
  call('UNLINK', key('cut', task))
  job.outbox = job.outbox + #kept
  job.cut_depth = job.cut_depth - #kept
  job.cut_kept = job.cut_kept - #kept
end

-- Whether the job has as many tasks for the host as it may; else this one is counted.
local function has_enough_of(id, job, host)
  if job.pages == 0 or not host then return false end
  local pages = key('pages', id)
  if tonumber(call('HGET', pages, host) or 0) >= job.pages then return true end
  call('HINCRBY', pages, host, 1)
  return false
end

local function optional(fields, name, value)
  if value then
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
end

local is_lane = {}
for _, lane in ipairs(LANES) do is_lane[lane] = true end

-- The work of a line as emit.lua writes it; nil and why not for a line of another writer, which must not stop the others.
local function work_of(text)
  if not text then return nil, 'in the outbox: not "TASK RUN JSON"' end
  local readable, work = pcall(cjson.decode, text)
  if not readable or type(work) ~= 'table' then return nil, 'in the outbox: no JSON object' end
  for _, name in ipairs({'task_id', 'fingerprint', 'target', 'params', 'lane'}) do
    if type(work[name]) ~= 'string' then return nil, 'in the outbox: no ' .. name end
  end
  for _, name in ipairs({'host', 'source', 'category', 'timeout_ms'}) do
    local kind = type(work[name])
    if kind ~= 'nil' and kind ~= 'string' and kind ~= 'number' then return nil, 'in the outbox: a bad ' .. name end
  end
  if not is_lane[work.lane] then return nil, 'in the outbox: no lane' end
  return work
end

for _, entry in ipairs(entries) do
  local task, run, text = string.match(entry, '^(%S+) (%S+) (.*)$')
  local id, parent_depth
  if task then id, parent_depth = parent_of(task) end
  local work, flaw = work_of(text)
  if not task or id and not work then
    if id then job_of(id).outbox = job_of(id).outbox - 1 end
    call('LPUSH', REJECTS, cjson.encode({line = string.sub(entry, 1, 4096), reason = flaw, at = now}))
    call('LTRIM', REJECTS, 0, 999)
  elseif id and job_of(id).is_held then
    call('RPUSH', key('outbox', id), entry)
  elseif id then
    local job, depth = job_of(id), parent_depth + 1
    job.outbox = job.outbox - 1
    local print = unhex(work.fingerprint)
    local twin = call('HGET', key('prints', id), print)
    if job.is_cancelled then
      job.discarded = job.discarded + 1
    elseif not job.open then
      job.cut_runs = job.cut_runs + 1
    elseif twin then
      job.duplicates = job.duplicates + 1
      found_again(job, twin, depth)
    elseif depth > job.depth then
      cut(job, task, run, print, text)
    elseif job.max > 0 and job.admitted >= job.max then
      job.cut_runs = job.cut_runs + 1
    elseif has_enough_of(id, job, work.host) then
      job.cut_pages = job.cut_pages + 1
    else
      job.admitted = job.admitted + 1
      job.new = job.new + 1
      call('HSET', key('prints', id), print, work.task_id)
      local more = {'parent', task, 'origin', run, 'print', print}
      optional(more, 'source', work.source)
      optional(more, 'category', work.category)
      optional(more, 'timeout_ms', work.timeout_ms)
      local delay = within_a_year(work.delay_ms or 0)
      create(work.task_id, id, depth, work.target, work.params, work.lane, work.host or '', delay, more)
    end
  end
end
call('LTRIM', OUTBOX, #entries, -1)
if call('EXISTS', OUTBOX) == 1 and call('EXISTS', ADMITTER_WAKE) == 0 then call('RPUSH', ADMITTER_WAKE, '1') end
for id, job in pairs(jobs) do
  local name = JOB .. id
  if job.new > 0 then call('HINCRBY', name, 'admitted', job.new) end
  for _, counter in ipairs({'outbox', 'duplicates', 'cut_depth', 'cut_runs', 'cut_pages', 'cut_kept', 'cut_forgotten',
    'discarded'}) do
    if job[counter] ~= 0 then call('HINCRBY', name, counter, job[counter]) end
  end
  finish_if_done(id)
end
event('admitted', 'count', #entries)
return keep('admit', {#entries, call('LLEN', OUTBOX)})

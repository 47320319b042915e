-- Takes back expired leases, makes due work ready, cancels what is left of cancelled jobs, forgets silent workers, trims
-- what retention lets go, and lists tasks again whose list somebody took away.
-- ARGV from 4: term of the leading coordinator (0: a worker, while none leads), how many leases at most, seed for the
-- jitter, retention of done tasks (ms, number), of dead ones (ms, number).
-- Reply: {leases taken back, 1 when leases were extended instead, ms until the next lease is over unless it is renewed (-1: there
-- is none; 0 also while tasks of lost lists are looked for)}, or {-1, leader} when another leads.
-- Invariants: a claim that never began costs nothing, up to nine of a task; one that began is charged as a crash. After a gap since the last
-- tick, a restart of the server or a clock that went back, every lease first gets a whole lease more: an outage of
-- Redis punishes nobody. A lease that cannot be taken back, because something of its task is not what it should be, is in the
-- server's log, holds up no other, and is tried again when another lease would be over.
local term, limit = tonumber(ARGV[4]), tonumber(ARGV[5])
math.randomseed(tonumber(ARGV[6]))
local leads = tonumber(meta.leader_until or 0) > now and meta.leader or nil
if term > 0 and tonumber(meta.term) ~= term or term == 0 and leads then return {-1, or_empty(leads)} end
local before = replayed('reap')
if before then return before end
begin_closing()

local tick = call('HMGET', META, 'reaped_at', 'server', 'grace_until', 'back')
local server = string.match(call('INFO', 'server'), 'run_id:(%w+)') or ''
local went_back = shift > (tonumber(tick[4]) or 0)
local extended = 0
if tick[1] and (now - tonumber(tick[1]) > LONGEST_TICK or tick[2] ~= server or went_back) then
  tick[3] = now + lease_ms
  extended = 1
  call('HSET', META, 'grace_until', tick[3])
end
call('HSET', META, 'reaped_at', now, 'server', server, 'back', shift)

-- So many workers fall silent between the claim and the begin of one task before it is taken for the reason.
local UNBEGUN_LIMIT = 10

local function expire(task, t)
  take_back(t)
  if t.started or call('HINCRBY', TASK .. task, 'unbegun', 1) >= UNBEGUN_LIMIT then
    charge(task, t, 'crash', 'worker ' .. t.owner .. ' did not renew the lease of run ' .. t.run
      .. (t.started and '' or ', which never began'), 0)
  else
    release(task, t)
  end
  event('run_superseded', 'job', t.job, 'task', task, 'run', t.run, 'worker', t.owner, 'host', t.host)
end

-- Lists a ready task that is on no list: it came just now.
local function list_again(task, lane, job, host, in_front)
  push(task, lane, job, host, in_front)
  index(task, job, nil, 'ready')
end

local function take(task)
  local v = fields_of(task, 'run', 'epoch', 'owner', 'job', 'host', 'lane', 'started_at', 'attempt', 'cancel_at', 'state')
  local t = {task = task, run = v[1], epoch = tonumber(v[2]) and v[2] or '0', owner = v[3], job = v[4], host = or_empty(v[5]), lane = v[6], started = v[7],
    attempt = tonumber(v[8]) or 0}
  if v[10] == 'leased' then
    if v[9] then call_off(task, t) else expire(task, t) end
    return
  end
  -- A claim that an error cut short has it off its list.
  if v[10] == 'ready' then list_again(task, t.lane, t.job, t.host, true) end
  call('ZREM', LEASES, task)
end

local taken = 0
if now >= (tonumber(tick[3]) or 0) then
  for _, task in ipairs(call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, limit)) do
    local is_taken, why = pcall(take, task)
    if not is_taken then
      redis.log(redis.LOG_WARNING, PREFIX .. ' cannot take back task ' .. task .. ': '
        .. tostring(type(why) == 'table' and why.err or why))
      call('ZADD', LEASES, lease_end_text, task)
    end
    taken = taken + 1
  end
end

-- Where bounds have become wider, asks up to 200 hosts more, in order of what they wait for, one lane after the other.
local function ask_on()
  local lane, from = string.match(meta.asking, '^(%d) (.+)$')
  local left = 200
  lane = tonumber(lane)
  while lane <= #LANES and left > 0 do
    local hosts = call('ZRANGEBYSCORE', key('hosts', LANES[lane]), from, '+inf', 'WITHSCORES', 'LIMIT', 0, left)
    for i = 1, #hosts, 2 do refresh(hosts[i]) end
    left = left - #hosts / 2
    if left > 0 then
      lane, from = lane + 1, '-inf'
    else
      -- Others may wait for the same time as the last one; as many as these do not.
      from = (hosts[2] == hosts[#hosts] and '(' or '') .. hosts[#hosts]
    end
  end
  if lane > #LANES then call('HDEL', META, 'asking') else call('HSET', META, 'asking', lane .. ' ' .. from) end
end

-- Whether the ready task, which became so at `came`, was on a list that was missed later. What came in that same millisecond
-- may be on the new list; what a claim that was cut short has off its list comes back with its lease.
local function is_lost(lost, task, lane, job, host, came)
  local missed = lane and tonumber(call('HGET', lost, lane .. ' ' .. host))
  if not missed or came > missed or call('ZSCORE', LEASES, task) then return false end
  return came < missed or not call('LPOS', key('ready', lane, job, host), task)
end

local SEARCH_STEP = 500

-- Looks through the next ready tasks of a job, in the order in which they came, for those of lists that were taken away. One
-- that is listed again is passed over by whoever looks again. Those of one millisecond are looked at together, so that the
-- next step can begin after them. Returns whether more is to be looked through.
local function find_lost()
  local job, at = unpack(call('ZRANGE', SEARCHING, 0, 0, 'WITHSCORES'))
  if not job then return false end
  local lost, ready = key('lost', job), key('index', job, 'ready')
  local to = call('HGET', lost, 'until') or 0
  local last = call('ZRANGEBYSCORE', ready, '(' .. at, to, 'WITHSCORES', 'LIMIT', SEARCH_STEP - 1, 1)[2]
  local tasks = call('ZRANGEBYSCORE', ready, '(' .. at, last or to, 'WITHSCORES')
  for i = 1, #tasks, 2 do
    local task = tasks[i]
    local lane, host = unpack(fields_of(task, 'lane', 'host'))
    if is_lost(lost, task, lane, job, or_empty(host), tonumber(tasks[i + 1])) then
      list_again(task, lane, job, or_empty(host))
    end
  end
  if last then
    call('ZADD', SEARCHING, last, job)
  elseif call('HDEL', lost, 'again') == 1 then
    call('ZADD', SEARCHING, 0, job)
  else
    call('UNLINK', lost)
    call('ZREM', SEARCHING, job)
  end
  return call('EXISTS', SEARCHING) == 1
end

-- Where nothing is under way although tasks are ready, somebody may have taken away what says which hosts and jobs wait: for
-- some tasks of ten of the newest hundred jobs it is put there again.
local function patrol()
  local count = math.min(100, call('ZCARD', JOBS))
  if count == 0 or meta.paused == '1' or call('EXISTS', LEASES) == 1 then return end
  local from = math.random(0, math.ceil(count / 10) - 1) * 10
  for _, job in ipairs(call('ZREVRANGE', JOBS, from, from + 9)) do
    local is_posted = {}
    local tasks = is_held(job) and {} or call('ZRANGE', key('index', job, 'ready'), 0, 19)
    for _, task in ipairs(tasks) do
      local lane, host = unpack(fields_of(task, 'lane', 'host'))
      local place = lane and lane .. ' ' .. or_empty(host)
      if place and not is_posted[place] then
        is_posted[place] = true
        call('SADD', key('hostjobs', lane, or_empty(host)), job)
        post(lane, job, or_empty(host))
      end
    end
    if next(is_posted) then enter_rota(job) end
  end
end

if meta.asking then ask_on() end
local is_looking = find_lost()
if not is_looking then patrol() end
promote()
local cancelling = call('SRANDMEMBER', CANCELLING)
if cancelling then sweep(cancelling, limit) end
local silent = now - math.max(2 * lease_ms, 3 * heartbeat_ms)
for _, worker in ipairs(call('ZRANGEBYSCORE', WORKERS, '-inf', silent, 'LIMIT', 0, 100)) do
  forget_worker(worker)
  event('worker_down', 'worker', worker)
end
trim('done', {'done', 'cancelled'}, tonumber(ARGV[7]), tonumber(ARGV[8]))
trim('dead', {'dead'}, tonumber(ARGV[9]), tonumber(ARGV[10]))

local next_end = tonumber(call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2])
-- A lease that is over is not taken in the time of grace.
local at = is_looking and now or next_end and math.max(next_end, tonumber(tick[3]) or 0, now)
return keep('reap', {taken, extended, at and at - now or -1})

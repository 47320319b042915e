-- Figures of the whole fleet for whoever watches it, in bounded time: the open ones of the newest 1,000 jobs (200 at
-- most), 500 workers, and about 500 open hosts; where a job has more open hosts in a lane than its share of these, the
-- others count as their mean.
-- Reply: {time ms, 1 when paused, outbox length, unsettled entries, notifications unsent, submissions waiting, rejects, leases,
-- scheduled, ms since the first lease ended (0: none has), ms since the worker longest silent was heard, 1 when jobs or
-- workers were left out, {open jobs, ready, done, dead, cancelled, retried, released} of the jobs,
-- {live workers, those that are handed nothing, their slots, slots of the worker that came last}, tasks that could start at once as far as their hosts and
-- jobs have room, {eligible tasks} and {hosts that wait for their time} by lane in the order high, default, low}.
local MOST_JOBS, MOST_HOSTS, MOST_WORKERS = 200, 500, 500

local left_out = call('ZCARD', JOBS) > 1000
local jobs, sums = {}, {0, 0, 0, 0, 0, 0, 0}
local COUNTERS = {'done', 'dead', 'cancelled', 'retried', 'released'}
for _, job in ipairs(call('ZREVRANGE', JOBS, 0, 999)) do
  if call('HGET', JOB .. job, 'state') == 'open' then
    if #jobs == MOST_JOBS then
      left_out = true
      break
    end
    jobs[#jobs + 1] = job
    sums[1] = sums[1] + 1
    sums[2] = sums[2] + call('ZCARD', key('index', job, 'ready'))
    for i, value in ipairs(call('HMGET', JOB .. job, unpack(COUNTERS))) do
      sums[i + 2] = sums[i + 2] + (tonumber(value) or 0)
    end
  end
end

-- How many of the host's waiting tasks its own bounds would let start now.
local function room_at(host, waiting)
  if host == '' then return waiting end
  local slots, gap = bounds(host_of(host))
  if gap > 0 then return math.min(waiting, 1) end
  if slots == 0 then return waiting end
  return math.min(waiting, math.max(0, slots - call('ZCARD', key('slots', host))))
end

-- Tasks of the job in the lane that a claim could find, and how many of them could start at once.
local function eligible_of(job, lane, share)
  local open = key('open', lane, job)
  local hosts = call('ZCARD', open)
  if hosts == 0 then return 0, 0 end
  local looked, waiting, room = 0, 0, 0
  for _, host in ipairs(call('ZRANGE', open, 0, share - 1)) do
    -- What has become closed since is still open to whoever claims next, and taken out then.
    if not gate(host).closed then
      local count = call('LLEN', key('ready', lane, job, host))
      waiting = waiting + count
      room = room + room_at(host, count)
    end
    looked = looked + 1
  end
  return math.floor(waiting * hosts / looked), math.floor(room * hosts / looked)
end

local eligible, startable, hosts = {0, 0, 0}, 0, {}
local share = math.max(1, math.floor(MOST_HOSTS / math.max(1, 3 * #jobs)))
for _, job in ipairs(jobs) do
  local of_job = 0
  for i, lane in ipairs(LANES) do
    if meta.paused ~= '1' and not is_full(job) then
      local count, room = eligible_of(job, lane, share)
      eligible[i] = eligible[i] + count
      of_job = of_job + room
    end
  end
  local most = head_of(job).concurrency
  if most > 0 then of_job = math.min(of_job, math.max(0, most - call('ZCARD', key('index', job, 'leased')))) end
  startable = startable + of_job
end
for i, lane in ipairs(LANES) do hosts[i] = call('ZCARD', key('hosts', lane)) end

local live = now - math.max(2 * lease_ms, 3 * heartbeat_ms)
local workers = {0, 0, 0}
for _, worker in ipairs(call('ZRANGEBYSCORE', WORKERS, live, '+inf', 'LIMIT', 0, MOST_WORKERS)) do
  local w = call('HMGET', WORKER .. worker, 'slots', 'hold', 'health')
  workers[1] = workers[1] + 1
  if or_empty(w[2]) ~= '' or or_empty(w[3]) ~= '' then workers[2] = workers[2] + 1 end
  workers[3] = workers[3] + (tonumber(w[1]) or 0)
end
left_out = left_out or workers[1] == MOST_WORKERS
workers[4] = tonumber(call('HGET', META, 'worker_slots')) or 1

local first = call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2]
local silent = call('ZRANGE', WORKERS, 0, 0, 'WITHSCORES')[2]
return {now, meta.paused == '1' and 1 or 0, call('LLEN', OUTBOX), call('ZCARD', UNSETTLED), call('XLEN', NOTIFICATIONS),
  call('LLEN', SUBMISSIONS), call('LLEN', REJECTS), call('ZCARD', LEASES), call('ZCARD', SCHEDULED),
  first and math.max(0, now - first) or 0, silent and math.max(0, now - silent) or 0, left_out and 1 or 0, sums, workers,
  startable, eligible, hosts}

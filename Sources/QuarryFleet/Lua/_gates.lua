-- What keeps work back: bounds of jobs and of hosts. Uses _prelude.lua.
--
-- slots:<host> holds a host's leased tasks by expiry, starting:<host> those of them whose executor has not begun.
-- host:<host> holds:
--   slots, gap_ms          bounds of the host alone, which stand in for the fleet's (0: none)
--   crawl_ms               the Crawl-delay that a script reported
--   throttle_ms            a spacing from measured latency; counts while the fleet or a job here wants to be throttled
--   job:<job>              a job with bounds of its own has come here
--   last_at                the last start of a task, when starts were spaced
--   rest_until             no start before: the host refused, or asked for it
--   level, refused_at      refusals that good answers have not made up for; when it last refused
--   shut                   it had ready work that it could not let start
-- A host's bounds are the strictest of the fleet's (or its own), those of the open jobs that have come to it, and what it
-- asked for itself; they count the tasks of all jobs. A host that has refused is tried by one task at a time until it has
-- answered as often.
local DAY = 86400000

-- Jobs ----------------------------------------------------------------------------------------------------------

local heads = {}
-- What decides whether and where a job is served; `bounds_hosts`: its hosts have to know of it.
local function head_of(job)
  if heads[job] then return heads[job] end
  local v = call('HMGET', JOB .. job, 'storage', 'state', 'concurrency', 'host_slots', 'host_gap_ms', 'auto_throttle',
    'hold')
  local head = {storage = v[1] or '', is_missing = not v[2], is_open = v[2] == 'open', concurrency = tonumber(v[3]) or 0,
    host_slots = tonumber(v[4]) or 0, host_gap_ms = tonumber(v[5]) or 0, is_throttled = v[6] == '1', hold = v[7] or ''}
  head.bounds_hosts = head.host_slots > 0 or head.host_gap_ms > 0 or head.is_throttled
  heads[job] = head
  return head
end
local function storage_of(job) return head_of(job).storage end

-- Whether the job was told to hand out nothing ('drain' only stops its admission). Tasks of a job whose own key is missing
-- wait until the job is brought back from its ledger: without it nobody knows how they are to run.
local function is_held(job)
  local head = head_of(job)
  return head.is_missing or head.hold == 'pause' or head.hold == 'cancel'
end

-- Whether the job has as many tasks running as it may.
local function is_full(job)
  if is_held(job) then return true end
  local most = head_of(job).concurrency
  return most > 0 and call('ZCARD', key('index', job, 'leased')) >= most
end

-- Hosts ---------------------------------------------------------------------------------------------------------

local function host_of(host)
  local fields, h = call('HGETALL', HOST .. host), {}
  for i = 1, #fields, 2 do h[fields[i]] = fields[i + 1] end
  return h
end

-- What is known of a host without bounds of its own goes two days after it was last noted.
local function note_host(host, ...)
  call('HSET', HOST .. host, ...)
  local own = call('HMGET', HOST .. host, 'slots', 'gap_ms')
  if not own[1] and not own[2] then call('PEXPIRE', HOST .. host, 2 * DAY) end
end

-- A job with bounds of its own has come to the host; those that are over are forgotten there.
local function visit(host, job)
  if host == '' or not head_of(job).bounds_hosts then return end
  local h = host_of(host)
  if h['job:' .. job] then return end
  note_host(host, 'job:' .. job, '1')
  for field in pairs(h) do
    local other = string.match(field, '^job:(.+)$')
    if other and not head_of(other).is_open then call('HDEL', HOST .. host, field) end
  end
end

-- How many tasks may be at the host at once, and how far apart they start, in ms; 0: no bound.
local function bounds(h)
  local slots = tonumber(h.slots or meta.host_slots) or 0
  local gap = tonumber(h.gap_ms or meta.host_gap_ms) or 0
  local is_throttled = meta.auto_throttle == '1'
  for field in pairs(h) do
    local job = string.match(field, '^job:(.+)$')
    local own = job and head_of(job)
    if own and own.is_open then
      if own.host_slots > 0 and (slots == 0 or own.host_slots < slots) then slots = own.host_slots end
      gap = math.max(gap, own.host_gap_ms)
      is_throttled = is_throttled or own.is_throttled
    end
  end
  gap = math.min(DAY, math.max(gap, tonumber(h.crawl_ms) or 0, is_throttled and tonumber(h.throttle_ms) or 0))
  if h.level then slots = 1 end
  return slots, gap
end

-- Whether a task may start at the host now. `closed`: why not: host_starting (a task of it was claimed and has not begun,
-- which is what spacing counts from), host_slots, host_backoff, host_delay. `at`: when it opens, if only time keeps it.
-- `is_bounded`: a claim may close it.
local function gate(host)
  if host == '' then return {} end
  local h = host_of(host)
  local slots, gap = bounds(h)
  local g = {is_bounded = slots > 0 or gap > 0, is_shut = h.shut ~= nil}
  local rest = tonumber(h.rest_until) or 0
  local due = gap > 0 and h.last_at and (tonumber(h.last_at) or 0) + gap or 0
  if gap > 0 and call('EXISTS', key('starting', host)) == 1 then
    g.closed = 'host_starting'
  elseif slots > 0 and call('ZCARD', key('slots', host)) >= slots then
    g.closed = h.level and 'host_backoff' or 'host_slots'
  elseif math.max(rest, due) > now then
    g.closed, g.at = rest > due and 'host_backoff' or 'host_delay', math.max(rest, due)
  end
  return g
end

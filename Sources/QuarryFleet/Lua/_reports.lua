-- What runs report of hosts, and what follows from it. Uses _tasks.lua.

-- No task starts at the host for a while.
local function rest(host, ms)
  local until_now = tonumber(call('HGET', HOST .. host, 'rest_until')) or 0
  note_host(host, 'rest_until', math.max(until_now, now + ms))
end

-- The host refused a run: it rests for a time that doubles with each refusal, up to the longest that the job waits. Runs
-- that were under way when it refused another say nothing new.
local function back_off(host, t, at_least)
  local v = call('HMGET', JOB .. t.job, 'blocked_base_ms', 'blocked_cap_ms')
  local h = call('HMGET', HOST .. host, 'level', 'refused_at')
  local level = tonumber(h[1]) or 0
  if level == 0 or tonumber(t.started) > (tonumber(h[2]) or 0) then level = level + 1 end
  note_host(host, 'level', level, 'refused_at', now)
  rest(host, math.max(at_least, math.min(tonumber(v[2]) or 0, (tonumber(v[1]) or 0) * 2 ^ (level - 1))))
end

-- The host answers again: the next refusal waits half as long. Returns whether it had refused before.
local function calm_down(host)
  local level = tonumber(call('HGET', HOST .. host, 'level'))
  if not level then return false end
  if level > 1 then
    call('HSET', HOST .. host, 'level', level - 1)
  else
    call('HDEL', HOST .. host, 'level', 'refused_at')
  end
  return true
end

-- Starts come as far apart as the host takes to answer, a minute at most; a slow answer counts at once, a fast one by half,
-- and a refusal, however fast, never brings them closer.
local function throttle(host, job, latency, is_refusal)
  if meta.auto_throttle ~= '1' and not head_of(job).is_throttled then return end
  local before = tonumber(call('HGET', HOST .. host, 'throttle_ms')) or 0
  local after = math.min(60000, math.max(latency, math.floor((before + latency) / 2)))
  if not is_refusal or after > before then note_host(host, 'throttle_ms', after) end
end

-- Heeds one report of a host: what it asks for holds for a day at most. Returns whether its gate may have moved.
local function heed_one(host, t, report)
  local wait = math.min(report.wait_ms or 0, DAY)
  local has_moved = wait > 0
  if report.refused then
    back_off(host, t, wait)
    has_moved = true
  elseif wait > 0 then
    rest(host, wait)
  elseif report.answered then
    has_moved = calm_down(host)
  end
  if report.crawl_ms then
    note_host(host, 'crawl_ms', math.min(report.crawl_ms, DAY))
    has_moved = true
  end
  if report.ms then throttle(host, t.job, report.ms, report.refused) end
  return has_moved
end

-- `reports`: a list of {host: '' for the task's own, refused, answered, wait_ms?, crawl_ms?, ms?}. A run that succeeded and
-- says nothing of its task's host was answered by it.
local function heed(t, reports, has_succeeded)
  local is_heard = {[''] = true}
  for _, report in ipairs(reports) do
    local host = report.host == '' and t.host or report.host
    if host ~= '' and heed_one(host, t, report) then refresh(host) end
    is_heard[host] = true
  end
  if has_succeeded and not is_heard[t.host] and calm_down(t.host) then refresh(t.host) end
end

-- The longest that hosts which refused asked to be left alone, in ms.
local function asked_wait(reports)
  local longest = 0
  for _, report in ipairs(reports) do
    if report.refused then longest = math.max(longest, math.min(report.wait_ms or 0, DAY)) end
  end
  return longest
end

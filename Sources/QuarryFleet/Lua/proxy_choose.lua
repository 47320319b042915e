-- Chooses an endpoint of a pool and marks the choice in one step.
-- ARGV from 4: pool, strategy (round_robin, random, sticky), 1 to mark (0: a look, nothing changes), recency window (0:
-- none), sticky key ('' for none), its TTL in ms (0: 30 days), host ('' for none), seed, task and run that get the
-- endpoint ('' for none; the task remembers it while the run holds it), then the endpoints, each by a name without its
-- password.
-- Reply: {place of the endpoint from 0, number of this choice}.
-- Invariants: never blocks; with random, none of the last N marked choices is repeated unless the window covers the
-- pool, and then the least recently chosen comes; choices are ranked by a counter, never by time. An endpoint in
-- cool-down for the host, or for all, is skipped while another is left outside the window. RecencyState.swift has the
-- same rules.
local pool, strategy, marks, window = ARGV[4], ARGV[5], ARGV[6] == '1', tonumber(ARGV[7])
local sticky, ttl, host = ARGV[8], tonumber(ARGV[9]), ARGV[10]
math.randomseed(tonumber(ARGV[11]))
local endpoints = {}
local task, run = ARGV[12], ARGV[13]
for i = 14, #ARGV do endpoints[#endpoints + 1] = ARGV[i] end

local before = marks and replayed('proxy')
if before then return before end
local state, ranks, cool = key('proxy', pool), key('proxyranks', pool), key('proxycool', pool)
local stuck, expiries = key('proxysticky', pool), key('proxystickyuntil', pool)
local count = tonumber(call('HGET', state, 'count') or 0)
local turn = tonumber(call('HGET', state, 'turn') or 0)

local function rests(member)
  local until_ms = call('ZSCORE', cool, member)
  return until_ms and tonumber(until_ms) > now
end
local function is_usable(endpoint)
  return not rests(endpoint .. ' ') and (host == '' or not rests(endpoint .. ' ' .. host))
end
local function rank(endpoint) return tonumber(call('ZSCORE', ranks, endpoint) or -1) end

local usable, all = {}, {}
for place, endpoint in ipairs(endpoints) do
  all[place] = place
  if is_usable(endpoint) then usable[#usable + 1] = place end
end
if #usable == 0 then usable = all end

local function least_recent()
  local best
  for _, place in ipairs(usable) do
    if not best or rank(endpoints[place]) < rank(endpoints[best]) then best = place end
  end
  return best
end

local function outside_window(places)
  local free = {}
  for _, place in ipairs(places) do
    local last = rank(endpoints[place])
    if window == 0 or last < 0 or last <= count - window then free[#free + 1] = place end
  end
  return free
end

-- The window is the harder bound: rather one in cool-down than one of the last choices.
local function at_random()
  local free = outside_window(usable)
  if #free == 0 and window < #endpoints then free = outside_window(all) end
  if #free == 0 then return least_recent() end
  return free[math.random(#free)]
end

local function in_turn()
  for step = 0, #endpoints - 1 do
    local place = (turn + step) % #endpoints + 1
    for _, candidate in ipairs(usable) do
      if candidate == place then return place end
    end
  end
end

local function stuck_to()
  local kept = sticky ~= '' and call('HGET', stuck, sticky)
  local until_ms = kept and call('ZSCORE', expiries, sticky)
  if not kept or (until_ms and tonumber(until_ms) <= now) then return nil end
  for _, place in ipairs(usable) do
    if endpoints[place] == kept then return place end
  end
end

local place, kept
if strategy == 'round_robin' then
  place = in_turn()
elseif strategy == 'sticky' then
  kept = stuck_to()
  place = kept or at_random()
else
  place = at_random()
end
if not marks then return {place - 1, count} end

begin()
count = count + 1
call('HSET', state, 'count', count, 'last_used_at', now)
call('ZADD', ranks, count, endpoints[place])
if strategy == 'round_robin' then call('HSET', state, 'turn', place % #endpoints) end
if strategy == 'sticky' and sticky ~= '' and not kept then
  call('HSET', stuck, sticky, endpoints[place])
  -- Without a TTL a key is kept for 30 days, so that keys of hosts never seen again are let go.
  call('ZADD', expiries, now + (ttl > 0 and ttl or 2592000000), sticky)
end
if task ~= '' and call('HGET', TASK .. task, 'run') == run then
  call('HSET', TASK .. task, 'proxy', endpoints[place])
end
-- What is over is let go a little at a time, so that no key grows without bound.
for _, old in ipairs(call('ZRANGEBYSCORE', expiries, '-inf', now, 'LIMIT', 0, 10)) do
  call('ZREM', expiries, old)
  call('HDEL', stuck, old)
end
for _, old in ipairs(call('ZRANGEBYSCORE', cool, '-inf', now, 'LIMIT', 0, 10)) do call('ZREM', cool, old) end
return keep('proxy', {place - 1, count})

-- What waits, by lane and by host, and what is out at workers; changes nothing. Of a queue with many hosts it looks at some:
-- those of the leases that end first, those that wait for their time, the first to open first, and those that may start, the
-- longest unserved first.
-- ARGV from 4: how many hosts at most, how many leases at most (500 each at most).
-- Reply: {time ms, lease ms, {lane, ready tasks of the hosts that were looked at, hosts that wait for their time,
-- hosts that may start}…, {host, gate ('': it may start), opens at ms (-1: not a matter of time), tasks at it,
-- ready tasks: high, default, low}…, 1 when there are hosts that were not looked at, leases in all,
-- {task, job, host, worker, run, claimed at ms, ends at ms}…}. Hosts that nothing waits for are left out.
local most_hosts, most_leases = math.min(tonumber(ARGV[4]), 500), math.min(tonumber(ARGV[5]), 500)

local leases, hosts, known, has_more = {}, {}, {}, 0
local function note(host)
  if known[host] then return end
  if #hosts == most_hosts then
    has_more = 1
  else
    known[host] = true
    hosts[#hosts + 1] = host
  end
end

-- Notes the first hosts of a sorted set; returns how many it has.
local function note_first(set)
  local count = call('ZCARD', set)
  if #hosts < most_hosts then
    for _, host in ipairs(call('ZRANGE', set, 0, most_hosts)) do note(host) end
  elseif count > 0 then
    has_more = 1
  end
  return count
end

local out = call('ZRANGE', LEASES, 0, most_leases - 1, 'WITHSCORES')
for i = 1, #out, 2 do
  local t = fields_of(out[i], 'job', 'host', 'owner', 'run', 'claimed_at')
  leases[#leases + 1] = {out[i], or_empty(t[1]), or_empty(t[2]), or_empty(t[3]), or_empty(t[4]), tonumber(t[5] or 0),
    tonumber(out[i + 1])}
  note(or_empty(t[2]))
end
local leased = call('ZCARD', LEASES)
if leased > #leases then has_more = 1 end

local jobs = open_jobs()
local lanes = {}
for _, lane in ipairs(LANES) do
  local waiting, open = note_first(key('hosts', lane)), 0
  for _, job in ipairs(jobs) do open = open + note_first(key('open', lane, job)) end
  lanes[#lanes + 1] = {lane, 0, waiting, open}
end

local views = {}
for _, host in ipairs(hosts) do
  local ready, sum = {}, 0
  for i, lane in ipairs(LANES) do
    ready[i] = 0
    for _, job in ipairs(call('SRANDMEMBER', key('hostjobs', lane, host), 100)) do
      ready[i] = ready[i] + call('LLEN', key('ready', lane, job, host))
    end
    lanes[i][2] = lanes[i][2] + ready[i]
    sum = sum + ready[i]
  end
  if sum > 0 then
    local g = gate(host)
    views[#views + 1] = {host, g.closed or '', g.at or -1, call('ZCARD', key('slots', host)), ready[1], ready[2], ready[3]}
  end
end
return {now, lease_ms, lanes, views, has_more, leased, leases}

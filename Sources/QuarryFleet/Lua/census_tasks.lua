-- Holds tasks against every structure that may have them, in one step; changes nothing. ARGV from 4: 500 tasks at most.
-- Reply: {{job, state, lane, host, owner} of each, empty for one that is gone…}, {problem…}.
local STATES = {'ready', 'scheduled', 'leased', 'done', 'dead', 'cancelled'}
local seen, problems = {}, {}

local function expect(task, state, is_there, structure, should)
  if is_there == should then return end
  problems[#problems + 1] = 'task ' .. task .. ' is ' .. state .. ', and ' .. structure .. (is_there and ' has it' or ' lacks it')
end

local function check(task, t)
  local job, state, host, owner = t[1], t[2], t[4], t[5]
  local function at(structure, set, should) expect(task, state, call('ZSCORE', set, task) ~= false, structure, should) end
  -- A job that is listed and missing is named once, not with each of its tasks.
  if call('EXISTS', JOB .. job) == 0 and not call('ZSCORE', JOBS, job) then
    problems[#problems + 1] = 'task ' .. task .. ' is of job ' .. job .. ', which is not there'
  end
  for _, other in ipairs(STATES) do at('the list of ' .. other .. ' tasks', key('index', job, other), state == other) end
  at('the list of what waits for its time', SCHEDULED, state == 'scheduled')
  at('the list of leases', LEASES, state == 'leased')
  if owner ~= '' then at('what worker ' .. owner .. ' holds', key('held', owner), state == 'leased') end
  if host == '' then return end
  at('the slots of host ' .. host, key('slots', host), state == 'leased')
  if state ~= 'leased' then
    expect(task, state, call('SISMEMBER', key('starting', host), task) == 1, 'what starts at host ' .. host, false)
  end
end

for i = 4, #ARGV do
  local v = redis.pcall('HMGET', TASK .. ARGV[i], 'job', 'state', 'lane', 'host', 'owner', 'epoch', 'attempt', 'depth')
  if v.err then
    problems[#problems + 1] = 'the key ' .. TASK .. ARGV[i] .. ' is no task: ' .. v.err
  elseif not v[1] or not v[2] then
    local lacks = call('EXISTS', TASK .. ARGV[i]) == 1 and 'the key ' .. TASK .. ARGV[i] .. ' has no ' .. (v[1] and 'state' or 'job')
    if lacks then problems[#problems + 1] = lacks end
  end
  if v[1] and v[2] then
    local t = {v[1], v[2], or_empty(v[3]), or_empty(v[4]), or_empty(v[5])}
    check(ARGV[i], t)
    for place, name in ipairs({'epoch', 'attempt', 'depth'}) do
      local value = v[5 + place]
      if not tonumber(value) then
        problems[#problems + 1] = 'task ' .. ARGV[i] .. ' has ' .. name .. " '" .. or_empty(value) .. "', which is no number"
      end
    end
    seen[#seen + 1] = t
  else
    seen[#seen + 1] = {}
  end
end
return {seen, problems}

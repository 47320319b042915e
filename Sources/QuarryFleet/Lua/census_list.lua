-- Holds a part of a list of ready tasks against its tasks, and with its first part also whether a claim will find it; changes
-- nothing. ARGV from 4: lane, job, host, where the part begins, how many tasks (500 at most).
-- Reply: {the list's length, {task…}, {problem…}}.
local lane, job, host, from, count = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local name = 'ready:' .. lane .. ':' .. job .. ':' .. host
local list = key('ready', lane, job, host)
local problems = {}
local function expect(holds, problem) if not holds then problems[#problems + 1] = problem end end

local tasks = call('LRANGE', list, from, from + count - 1)
for _, task in ipairs(tasks) do
  local t = call('HMGET', TASK .. task, 'state', 'lane', 'job', 'host')
  expect(t[1] == 'ready' and t[2] == lane and t[3] == job and or_empty(t[4]) == host,
    name .. ' has task ' .. task .. ', which is ' .. (t[1] or 'gone') .. ' in ready:' .. or_empty(t[2]) .. ':' .. or_empty(t[3])
      .. ':' .. or_empty(t[4]))
end

local length = call('LLEN', list)
if from == 0 and length > 0 then
  expect(call('SISMEMBER', key('hostjobs', lane, host), job) == 1, name .. ' is not known to its host')
  if call('ZSCORE', key('open', lane, job), host) then
    local is_in_rota = call('ZSCORE', key('rota', lane, storage_of(job)), job) ~= false
    if is_held(job) then
      expect(not is_in_rota, name .. ' is in reach, although its job is held')
    else
      expect(is_in_rota or is_full(job), name .. ' is out of reach: its job is not in the rota')
    end
  else
    expect(call('ZSCORE', key('hosts', lane), host) or call('ZCARD', key('slots', host)) > 0,
      name .. ' is out of reach: its host is neither open nor waiting nor busy')
  end
end
return {length, tasks, problems}

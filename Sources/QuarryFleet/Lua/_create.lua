-- How tasks come into being. Uses _tasks.lua.
local function unhex(text)
  return (string.gsub(text, '%x%x', function(pair) return string.char(tonumber(pair, 16)) end))
end

-- A delay in whole milliseconds, 365 days at most: whoever wrote it, the sum with the time stays a time.
local function within_a_year(delay)
  return math.floor(math.min(math.max(tonumber(delay) or 0, 0), 31536000000))
end

-- Stores a task, ready or scheduled. `more`: pairs of further fields. Short parameters lie in the task's hash; longer
-- ones beside it, so that hashes stay in their compact form. `ended`: the state of one that is over.
local function create(task, job, depth, target, params, lane, host, delay, more, ended)
  local state = ended or delay > 0 and 'scheduled' or 'ready'
  call('HSET', TASK .. task, 'job', job, 'state', state, 'lane', lane, 'depth', depth, 'target', target, 'created_at', now,
    'attempt', 0, 'epoch', 0, unpack(more))
  if host ~= '' then call('HSET', TASK .. task, 'host', host) end
  if #params <= PARAMS_INLINE then
    call('HSET', TASK .. task, 'params', params)
  else
    call('SET', key('params', task), params)
  end
  index(task, job, nil, state)
  if ended then
    call('HSET', TASK .. task, 'ended_at', now)
    return
  end
  if state == 'ready' then return push(task, lane, job, host) end
  call('HSET', TASK .. task, 'due_at', now + delay)
  call('ZADD', SCHEDULED, now + delay, task)
  wake(storage_of(job))
end

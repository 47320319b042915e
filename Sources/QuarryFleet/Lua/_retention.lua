-- What is let go. Uses _prelude.lua.
local function forget_worker(worker)
  call('ZREM', WORKERS, worker)
  local storage = call('HGET', WORKER .. worker, 'storage')
  if storage then call('ZREM', key('workers', storage), worker) end
  call('UNLINK', key('refused', worker))
end

local function forget_task(task, job, state)
  call('ZREM', key('index', job, state), task)
  call('UNLINK', TASK .. task, key('params', task), key('cut', task))
end

-- Lets go of up to 200 final tasks of the job that finished first, when it finished over `age` ms ago or when over
-- `most` tasks of finished jobs are kept. Tasks of a job that runs are never trimmed.
local function trim(group, states, age, most)
  local finished = key('finished', group)
  local first = call('ZRANGE', finished, 0, 0, 'WITHSCORES')
  local job = first[1]
  if not job then return end
  local kept = tonumber(call('HGET', META, 'kept_' .. group))
  if tonumber(first[2]) > now - age and kept <= most then return end
  local quota = tonumber(first[2]) > now - age and math.min(200, kept - most) or 200
  local gone = 0
  for _, state in ipairs(states) do
    if gone < quota then
      for _, task in ipairs(call('ZRANGE', key('index', job, state), 0, quota - gone - 1)) do
        forget_task(task, job, state)
        gone = gone + 1
      end
    end
  end
  -- Lua writes minus zero as -0, which is no number to Redis.
  if gone > 0 then
    call('HINCRBY', META, 'kept_' .. group, -gone)
    call('HINCRBY', JOB .. job, 'trimmed_' .. group, gone)
  end
  for _, state in ipairs(states) do
    if call('EXISTS', key('index', job, state)) == 1 then return end
  end
  call('ZREM', finished, job)
  if not call('ZSCORE', key('finished', 'done'), job) and not call('ZSCORE', key('finished', 'dead'), job) then
    call('ZREM', JOBS, job)
    call('PEXPIRE', JOB .. job, 86400000)
  end
end

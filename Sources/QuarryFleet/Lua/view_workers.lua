-- Workers, last seen first, and the open jobs (of the newest 100) that each is not given tasks of.
-- ARGV from 4: how many to pass over, how many at most (500 at once at most).
-- Reply: {next offset or -1, time ms, {{flat pairs…, 'refusals', {job, reason…}}…}}.
local offset, limit = tonumber(ARGV[4]), math.min(tonumber(ARGV[5]), 500)
local workers = call('ZREVRANGE', WORKERS, offset, offset + limit - 1, 'WITHSCORES')
local open = {}
for _, job in ipairs(call('ZREVRANGE', JOBS, 0, 99)) do
  if call('HGET', JOB .. job, 'state') == 'open' then open[#open + 1] = job end
end

local function refusals_of(worker)
  local own = or_empty(call('HGET', WORKER .. worker, 'storage'))
  local refused = {}
  for _, job in ipairs(open) do
    local named = storage_of(job)
    local reason = own ~= named and storage_differs(own, named) or call('HGET', key('refused', worker), job)
    if reason then
      refused[#refused + 1] = job
      refused[#refused + 1] = reason
    end
  end
  return refused
end

local views = {}
for i = 1, #workers, 2 do
  local view = call('HGETALL', WORKER .. workers[i])
  for _, pair in ipairs({{'worker_id', workers[i]}, {'seen_at', workers[i + 1]},
    {'running', tostring(call('ZCARD', key('held', workers[i])))}, {'refusals', refusals_of(workers[i])}}) do
    view[#view + 1] = pair[1]
    view[#view + 1] = pair[2]
  end
  views[#views + 1] = view
end
return {#workers == 2 * limit and offset + limit or -1, now, views}

-- Workers, last seen first. ARGV from 4: how many to pass over, how many at most (500 at once at most).
-- Reply: {next offset or -1, time ms, {flat pairs…}}.
local offset, limit = tonumber(ARGV[4]), math.min(tonumber(ARGV[5]), 500)
local workers = call('ZREVRANGE', WORKERS, offset, offset + limit - 1, 'WITHSCORES')
local views = {}
for i = 1, #workers, 2 do
  local view = call('HGETALL', WORKER .. workers[i])
  for _, pair in ipairs({{'worker_id', workers[i]}, {'seen_at', workers[i + 1]},
    {'running', tostring(call('ZCARD', key('held', workers[i])))}}) do
    view[#view + 1] = pair[1]
    view[#view + 1] = pair[2]
  end
  views[#views + 1] = view
end
return {#workers == 2 * limit and offset + limit or -1, now, views}

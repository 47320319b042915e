-- A page of a job's tasks in one state, by the time they came into it.
-- ARGV from 4: job, state, how many to pass over, how many at most (500 are looked at at once at most), host ('' for any),
-- 1 for the newest first. Reply: {next offset or -1, {flat pairs…}}.
local job, state, offset, limit, host = ARGV[4], ARGV[5], tonumber(ARGV[6]), math.min(tonumber(ARGV[7]), 500), ARGV[8]
local tasks = call(ARGV[9] == '1' and 'ZREVRANGE' or 'ZRANGE', key('index', job, state), offset, offset + limit - 1)
local views = {}
for _, task in ipairs(tasks) do
  if host == '' or call('HGET', TASK .. task, 'host') == host then views[#views + 1] = task_view(task) end
end
return {#tasks == limit and offset + limit or -1, views}

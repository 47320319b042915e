-- Workers, last seen first, and the open jobs (of the newest 100) that each is not given tasks of.
-- ARGV from 4: how many to pass over, how many at most (500 at once at most).
-- Reply: {next offset or -1, time ms, {{flat pairs…, 'refusals', {job, reason…}}…}}.
local offset, limit = tonumber(ARGV[4]), math.min(tonumber(ARGV[5]), 500)
local workers = call('ZREVRANGE', WORKERS, offset, offset + limit - 1, 'WITHSCORES')
local open = open_jobs()
local views = {}
for i = 1, #workers, 2 do views[#views + 1] = worker_view(workers[i], workers[i + 1], open) end
return {#workers == 2 * limit and offset + limit or -1, now, views}

-- One worker, and the tasks that it holds, those it has not named for longest first.
-- ARGV from 4: worker. Reply: {time ms, {flat pairs…, 'refusals', {job, reason…}}, {{flat pairs of a task…}…}}, 500 tasks at most;
-- {} when it is not known.
local worker = ARGV[4]
local seen = call('ZSCORE', WORKERS, worker)
if not seen then return {} end
local tasks = {}
for _, task in ipairs(call('ZRANGE', key('held', worker), 0, 499)) do tasks[#tasks + 1] = task_view(task) end
return {now, worker_view(worker, seen, open_jobs()), tasks}

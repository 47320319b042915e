-- Jobs, newest first. ARGV from 4: how many to pass over, how many at most (100 are given at once at most).
-- Reply: {next offset or -1, {flat pairs…}}; of one whose own key is missing the id and the state 'missing'.
local offset, limit = tonumber(ARGV[4]), math.min(tonumber(ARGV[5]), 100)
local jobs = call('ZREVRANGE', JOBS, offset, offset + limit - 1)
local views = {}
for _, job in ipairs(jobs) do
  local view = job_view(job)
  views[#views + 1] = #view > 0 and view or {'job_id', job, 'state', 'missing'}
end
return {#jobs == limit and offset + limit or -1, views}

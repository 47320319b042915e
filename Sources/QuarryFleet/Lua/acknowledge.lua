-- Removes notifications that are sent. ARGV from 4: ids of stream entries. Reply: {number removed}.
-- Invariant: a job counts a notification as unsent until it is acknowledged; idempotent by id.
local removed, jobs = 0, {}
begin_closing()
for i = 4, #ARGV do
  local entry = call('XRANGE', NOTIFICATIONS, ARGV[i], ARGV[i])[1]
  if entry then
    call('XDEL', NOTIFICATIONS, ARGV[i])
    removed = removed + 1
    local job = entry[2][2]
    jobs[job] = (jobs[job] or 0) + 1
  end
end
if #ARGV > 3 then call('XACK', NOTIFICATIONS, 'publishers', unpack(ARGV, 4)) end
for job, sent in pairs(jobs) do
  call('HINCRBY', JOB .. job, 'unsent', -sent)
  finish_if_done(job)
end
return {removed}

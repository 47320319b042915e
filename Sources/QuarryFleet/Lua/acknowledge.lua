-- Removes notifications that are sent. ARGV from 4: pairs of a stream entry's id and its job. Reply: {number removed}.
-- Without any it makes the stream and its group anew where they are gone.
-- Invariant: a job counts a notification as unsent until it is acknowledged; idempotent by id.
local removed, ids, jobs = 0, {}, {}
begin_closing()
if #ARGV < 4 then make_notifications() end
for i = 4, #ARGV, 2 do
  ids[#ids + 1] = ARGV[i]
  gather(jobs, ARGV[i + 1], ARGV[i])
end
if #ids > 0 then call('XACK', NOTIFICATIONS, 'publishers', unpack(ids)) end
for job, sent in pairs(jobs) do
  local count = call('XDEL', NOTIFICATIONS, unpack(sent))
  removed = removed + count
  if count > 0 then
    call('HINCRBY', JOB .. job, 'unsent', -count)
    finish_if_done(job)
  end
end
return {removed}

-- Removes notifications that are sent. ARGV from 4: ids of stream entries. Reply: {number removed}.
-- Invariant: a job counts a notification as unsent until it is acknowledged; idempotent by id.
local removed = 0
begin_closing()
for i = 4, #ARGV do
  local entry = call('XRANGE', NOTIFICATIONS, ARGV[i], ARGV[i])[1]
  call('XACK', NOTIFICATIONS, 'publishers', ARGV[i])
  if entry then
    call('XDEL', NOTIFICATIONS, ARGV[i])
    removed = removed + 1
    call('HINCRBY', JOB .. entry[2][2], 'unsent', -1)
    finish_if_done(entry[2][2])
  end
end
return {removed}

-- Appends a run's derived work to the outbox.
-- ARGV from 4: task, run, epoch, index of the first entry, then one JSON object per entry, in order of emission.
-- Reply: {'taken'}, {'full'}: wait and send the same again, or {'refused', reason}.
-- Invariants: nothing is appended by a stale, cancelled or finished run; an index of a run is appended once, with no
-- gap before it, since the number of entries kept for the run is the next index.
local task, run, epoch, first = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local t, why = fence(task, run, epoch)
if not t then return {'refused', why} end
local emitted = key('emitted', run)
local taken = call('LLEN', emitted)
if first > taken then return {'refused', 'gap'} end
local from = 8 + taken - first
if from > #ARGV then return {'taken'} end
local waiting = call('LLEN', OUTBOX)
if waiting >= 10000 then return {'full'} end
begin()
local head = task .. ' ' .. run .. ' '
for i = from, #ARGV do
  call('RPUSH', emitted, ARGV[i])
  call('RPUSH', OUTBOX, head .. ARGV[i])
end
call('HINCRBY', JOB .. t.job, 'outbox', #ARGV - from + 1)
if call('EXISTS', ADMITTER_WAKE) == 0 then call('RPUSH', ADMITTER_WAKE, '1') end
return {'taken'}

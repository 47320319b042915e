-- The executor's first frame has arrived: the claim counts as an attempt, and its host's spacing counts from here.
-- ARGV from 4: task, run, epoch. Reply: {'started'} or {'refused', reason}.
-- Invariants: an attempt is counted once a claim; the host was closed since the claim.
local task, run, epoch = ARGV[4], ARGV[5], ARGV[6]
local t, why = fence(task, run, epoch)
if not t then return {'refused', why} end
if t.started then return {'started'} end
begin_closing()
mark_started(task, t)
event('run_started', 'job', t.job, 'task', task, 'run', run, 'worker', actor, 'attempt', t.attempt, 'host', t.host)
return {'started'}

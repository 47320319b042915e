-- A worker says that it must not be given a job's tasks, because its scripts differ, say; or takes it back.
-- ARGV from 4: job, reason ('' takes it back). Reply: {'refused'} or {'taken back'}.
-- Invariant: from then on the worker is handed no task of the job.
begin_closing()
if ARGV[5] == '' then
  call('HDEL', key('refused', actor), ARGV[4])
  call('SREM', key('refusers', ARGV[4]), actor)
  wake(storage_of(ARGV[4]))
  return {'taken back'}
end
call('HSET', key('refused', actor), ARGV[4], string.sub(ARGV[5], 1, 1000))
call('SADD', key('refusers', ARGV[4]), actor)
call('PEXPIRE', key('refusers', ARGV[4]), 2592000000)
return {'refused'}

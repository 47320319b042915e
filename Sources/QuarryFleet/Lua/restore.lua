-- Brings a job back from its ledger, after Redis has lost it or has let go of what it has done.
-- ARGV from 4: step, job, a token of whoever restores, then
--   clear  1 when a finished job may be replaced: takes away what is there of it, up to 500 tasks, or pieces of work in the
--          outbox, in a step; also what is left of one whose own key is missing
--   open   root task, lease ms, heartbeat ms, scripts (JSON, target to content hash), pairs of job fields as of submit
--   prints pairs of fingerprint (hex) and task
--   pages  pairs of host and number of its tasks
--   tasks  one JSON object each: task_id, state (ready, or done, dead, cancelled), depth, target, params, lane, host,
--          fingerprint, and as far as they apply delay_ms, timeout_ms, source, category, parent, origin, epoch, attempt, run,
--          failure, error, cut [[fingerprint, run and work]]
--   close  pairs of counters
-- Reply: {'done'}, {'more'} (clear again) or {'refused', reason}.
-- Invariants: a job that goes on is left alone; nothing of it is handed out before it is closed; whoever begins anew with
-- another token starts from nothing, and the one before is refused; each step may be repeated.
local step, job, token = ARGV[4], ARGV[5], ARGV[6]
local v = call('HMGET', JOB .. job, 'state', 'restoring')
if step == 'clear' then
  if not v[1] and not has_remains(job) then return {'done'} end
  local is_over = v[1] == 'finished' and (ARGV[7] == '1' or call('EXISTS', key('prints', job)) == 0)
  if v[1] and not v[2] and not is_over then return {'refused', v[1]} end
  begin_closing()
  reopen(job)
  call('HSET', JOB .. job, 'restoring', token)
  set_hold(job, 'pause')
  -- Of a job that is not missing nothing waits here: it has ended, or has not begun again.
  if not clear_tasks(job, 500) or not v[1] and not clear_outbox(job, 500) then return {'more'} end
  forget_job(job)
  return {'done'}
end
if step == 'close' and v[1] and not v[2] then return {'done'} end
if step == 'open' and v[1] and v[2] ~= token then return {'refused', v[1]} end
if step ~= 'open' and v[2] ~= token then return {'refused', 'another'} end
begin()

if step == 'open' then
  call('HSET', JOB .. job, 'state', 'open', 'root', ARGV[7], 'created_at', now, 'restoring', token, 'hold', 'pause')
  for _, counter in ipairs({'admitted', 'done', 'dead', 'cancelled', 'retried', 'released', 'outbox', 'unsettled', 'unsent',
    'duplicates', 'cut_depth', 'cut_runs', 'items', 'events'}) do
    call('HSETNX', JOB .. job, counter, 0)
  end
  for i = 11, #ARGV, 2 do call('HSET', JOB .. job, ARGV[i], ARGV[i + 1]) end
  for script, hash in pairs(cjson.decode(ARGV[10])) do call('HSET', key('scripts', job), script, hash) end
  call('ZADD', JOBS, 'NX', now, job)
  call('HSET', META, 'lease_ms', ARGV[8], 'heartbeat_ms', ARGV[9])
elseif step == 'prints' then
  for i = 7, #ARGV, 2 do call('HSET', key('prints', job), unhex(ARGV[i]), ARGV[i + 1]) end
elseif step == 'pages' then
  for i = 7, #ARGV, 2 do call('HSET', key('pages', job), ARGV[i], ARGV[i + 1]) end
elseif step == 'tasks' then
  for i = 7, #ARGV do restore(job, cjson.decode(ARGV[i])) end
elseif step == 'close' then
  for i = 7, #ARGV, 2 do call('HSET', JOB .. job, ARGV[i], ARGV[i + 1]) end
  call('HDEL', JOB .. job, 'restoring')
  set_hold(job, '')
  event('job_rebuilt', 'job', job)
  finish_if_done(job)
end
return {'done'}

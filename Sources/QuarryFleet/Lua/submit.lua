-- A job enters the fleet with its root task. Whoever calls it has written the job's ledger record before.
-- ARGV from 4: job, root task, target, params, lane, host, fingerprint (hex), delay ms, submission line ('' when it came
-- through the program), lease ms, heartbeat ms, scripts (JSON, target to content hash), then pairs of job fields: depth,
-- max_runs (0: none), policy, storage, source, category, timeout_ms, app/crash/blocked _max, _base_ms, _cap_ms, and what
-- may be changed while the job runs (0: none): host_slots, host_gap_ms, host_max_pages, auto_throttle, concurrency.
-- Reply: {'submitted'} or {'known'}.
-- A job whose own key is missing, and that has fingerprints, is known: it is brought back, not begun anew.
-- Invariants: idempotent by the job's id; the line leaves the submissions in the same step.
local job, root, target, params, lane, host = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local print_of_root, delay, line = ARGV[10], within_a_year(ARGV[11]), ARGV[12]
if call('EXISTS', JOB .. job, key('prints', job)) > 0 then
  if line ~= '' then call('LREM', SUBMISSIONS, 1, line) end
  return {'known'}
end
begin()
call('HSET', JOB .. job, 'state', 'open', 'root', root, 'created_at', now, 'admitted', 1, 'done', 0, 'dead', 0,
  'cancelled', 0, 'retried', 0, 'released', 0, 'outbox', 0, 'unsettled', 0, 'unsent', 0, 'duplicates', 0, 'cut_depth', 0,
  'cut_runs', 0, 'items', 0, 'events', 0)
for i = 16, #ARGV, 2 do call('HSET', JOB .. job, ARGV[i], ARGV[i + 1]) end
for script, hash in pairs(cjson.decode(ARGV[15])) do call('HSET', key('scripts', job), script, hash) end
call('ZADD', JOBS, now, job)
call('HSET', key('prints', job), unhex(print_of_root), root)
call('HSET', META, 'lease_ms', ARGV[13], 'heartbeat_ms', ARGV[14])
if meta.lease_ms ~= ARGV[13] or meta.heartbeat_ms ~= ARGV[14] then call('HINCRBY', META, 'control', 1) end
if host ~= '' and (tonumber(call('HGET', JOB .. job, 'host_max_pages')) or 0) > 0 then
  call('HINCRBY', key('pages', job), host, 1)
end
create(root, job, 0, target, params, lane, host, delay, {'print', unhex(print_of_root)})
if line ~= '' then call('LREM', SUBMISSIONS, 1, line) end
event('job_submitted', 'job', job)
return {'submitted'}

-- One task with everything, and what it waits for.
-- ARGV from 4: task. Reply: {flat pairs, params, gate, until ms (-1: not a matter of time), budgets (flat pairs of the job),
-- {worker, reason…} of live workers that are not given it or claim nothing, 100 at most}; {} when it is not known.
-- Gates: due (scheduled), lease (at a worker), cancelled (until its executor is stopped), requeued (until the ledger has
-- it), no_job (the job's own key is missing), paused (the fleet or the job), job_slots, host_slots, host_starting,
-- host_delay, host_backoff, no_worker, turn (others are before it). What waits for a slot may get one when the first lease of its host ends.
local task = ARGV[4]
local t = fields_of(task, 'job', 'state', 'host', 'due_at', 'params', 'lane', 'cancel_at', 'requeue_at')
if not t[1] then return {} end
local host = or_empty(t[3])
local live = now - math.max(2 * lease_ms, 3 * heartbeat_ms)
local refusing = {}
local storage = storage_of(t[1])
for _, worker in ipairs(call('ZREVRANGEBYSCORE', WORKERS, '+inf', live, 'LIMIT', 0, 100)) do
  local w = call('HMGET', WORKER .. worker, 'storage', 'health', 'hold')
  local own = or_empty(w[1])
  local reason = own ~= storage and storage_differs(own, storage) or call('HGET', key('refused', worker), t[1])
    or w[2] or (w[3] and 'it is told to ' .. w[3])
  if reason then
    refusing[#refusing + 1] = worker
    refusing[#refusing + 1] = reason
  end
end
local gate_name, at = '', -1
if t[2] == 'scheduled' then
  gate_name, at = 'due', tonumber(t[4]) or -1
elseif t[2] == 'dead' and t[8] then
  gate_name = 'requeued'
elseif t[2] == 'leased' then
  gate_name, at = t[7] and 'cancelled' or 'lease', tonumber(call('ZSCORE', LEASES, task) or -1)
elseif t[2] == 'ready' then
  local g = gate(host)
  if head_of(t[1]).is_missing then
    gate_name = 'no_job'
  elseif meta.paused == '1' or is_held(t[1]) then
    gate_name = 'paused'
  elseif is_full(t[1]) then
    gate_name = 'job_slots'
  elseif g.closed then
    gate_name = g.closed
    at = g.at or tonumber(call('ZRANGE', key('slots', host), 0, 0, 'WITHSCORES')[2] or -1)
  elseif call('ZCOUNT', WORKERS, live, '+inf') <= #refusing / 2 then
    gate_name = 'no_worker'
  else
    gate_name = 'turn'
  end
end
local budgets = {}
for _, name in ipairs({'app_max', 'crash_max', 'blocked_max', 'policy', 'storage'}) do
  budgets[#budgets + 1] = name
  budgets[#budgets + 1] = or_empty(call('HGET', JOB .. t[1], name))
end
return {task_view(task), params_of(task, t[5]), gate_name, at, budgets, refusing}

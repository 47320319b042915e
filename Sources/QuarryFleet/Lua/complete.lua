-- Accepts runs as their tasks' results, and hands out as many next tasks in the same trip.
-- ARGV from 4, for each run: task, run, epoch, number of entries it emitted (-1: not told), items, events, result (JSON),
-- notification (JSON, '' for none), run id of the next claim ('' for none), number of enqueues that named no work, reports of
-- hosts (JSON, '' for none).
-- Reply: {lease ms, heartbeat ms, ms until something is due, 1 when the fleet or the worker is paused, {for each run
-- {'accepted', what the worker does not know of its ledger record or {}, {the next assignment, if there is one}} or
-- {'refused', reason}}}. What it does not know: {entry, depth, parent task, fingerprint, {children}}.
-- Invariants: at most one accepted completion a task; with it, in one step, the pending ledger entry and the pending
-- notification exist, the lease and its slot are gone. A start that was not told counts from here. A repeat by the accepted run
-- answers accepted, and hands out what the first one did. A cancel that came before wins.
-- Redis takes nothing back: an error in the middle may leave runs that are not accepted. Their tasks are in `leases` still,
-- though their hosts' slots may be free: they are told again, or the reaper takes them back. Their entries for the ledger may
-- be there before them; of two for a task the first in the ledger counts. All that looks at a run's data comes before the
-- first write.
local function number(i) return tonumber(ARGV[i]) or error('argument ' .. i .. ' is no number') end

local runs, is_named, has_news = {}, {}, false
for i = 4, #ARGV, 11 do
  local r = {task = ARGV[i], run = ARGV[i + 1], epoch = ARGV[i + 2], emitted = number(i + 3), items = number(i + 4),
    events = number(i + 5), result = ARGV[i + 6], notification = ARGV[i + 7], next_run = ARGV[i + 8],
    rejected = number(i + 9), reports = ARGV[i + 10] == '' and {} or cjson.decode(ARGV[i + 10])}
  r.id = 'accepted:' .. r.task .. ':' .. r.epoch
  r.t, r.why, r.off = fence(r.task, r.run, r.epoch, 'depth', 'parent', 'print')
  if is_named[r.run] then r.t, r.why, r.off = nil, 'stale', nil end
  is_named[r.run] = r.t or r.off or is_named[r.run]
  if r.t then
    -- Fails before anything is written when its job cannot be read.
    head_of(r.t.job)
    r.children = call('LRANGE', key('emitted', r.run), 0, -1)
    if r.emitted >= 0 and #r.children ~= r.emitted then r.t, r.why = nil, 'emissions missing' end
  end
  has_news = has_news or r.t or r.off
  runs[#runs + 1] = r
end

if has_news then begin_closing() end
local accepted, leases, asking, next_runs = {}, {}, {}, {}
for _, r in ipairs(runs) do
  if r.off then call_off(r.task, r.off) end
  if r.t then
    if not r.t.started then mark_started(r.task, r.t) end
    heed(r.t, r.reports, true)
    accepted[#accepted + 1], leases[#leases + 1] = r, r.t
    if r.next_run ~= '' then asking[#asking + 1], next_runs[#next_runs + 1] = r, r.next_run end
  end
end
free(leases)

local paused = 0
if #asking > 0 then
  if is_due() then promote() end
  local claimed
  claimed, paused = claim(actor, next_runs)
  for i, t in ipairs(claimed) do asking[i].next = t end
end

local counters, results, entries, done, over = {}, {}, {}, {}, {}
local function count(job, name, by)
  local of_job = counters[job] or {}
  counters[job] = of_job
  of_job[name] = (of_job[name] or 0) + by
end
for _, r in ipairs(accepted) do
  gather(results, RESULTS, r.id, cmsgpack.pack({r.t.job, r.run, #r.children, r.result, r.notification}))
  gather(entries, UNSETTLED, now_text, r.id)
  gather(done, key('index', r.t.job, 'done'), now_text, r.task)
end
write('HSET', results)
write('ZADD', entries)
write('ZADD', done)
for _, r in ipairs(accepted) do
  local job = r.t.job
  if r.next then
    call('HSET', TASK .. r.task, 'state', 'done', 'ended_at', now_text, 'next', r.next.task, 'next_epoch', r.next.epoch)
  else
    call('HSET', TASK .. r.task, 'state', 'done', 'ended_at', now_text)
  end
  count(job, 'done', 1)
  count(job, 'items', r.items)
  count(job, 'events', r.events)
  if r.rejected > 0 then count(job, 'rejected', r.rejected) end
  if r.notification ~= '' then count(job, 'unsent', 1) end
  gather(over, LEASES, r.task)
  count(job, 'unsettled', 1)
  event('run_completed', 'job', job, 'task', r.task, 'run', r.run, 'worker', actor, 'host', r.t.host, 'items', r.items)
end
for job, of_job in pairs(counters) do
  for name, by in pairs(of_job) do call('HINCRBY', JOB .. job, name, by) end
end
write('ZREM', over)

local function answer(r)
  local following = {r.next and assignment(r.next) or nil}
  if r.t then
    local depth, parent, print = unpack(r.t.more)
    return {'accepted', {r.id, tonumber(depth), or_empty(parent), or_empty(print), r.children}, following}
  end
  if r.why ~= 'ended' then return {'refused', r.why} end
  local v = call('HMGET', TASK .. r.task, 'state', 'next', 'next_epoch', 'depth', 'parent', 'print')
  if v[1] ~= 'done' then return {'refused', r.why} end
  for _, t in ipairs(v[2] and r.next_run ~= '' and still_leased({{v[2], v[3]}}) or {}) do following[1] = assignment(t) end
  local entry = {}
  if call('ZSCORE', UNSETTLED, r.id) then
    local children = call('LRANGE', key('emitted', r.run), 0, -1)
    entry = {r.id, tonumber(v[4]), or_empty(v[5]), or_empty(v[6]), children}
  end
  return {'accepted', entry, following}
end
local answers = {}
for _, r in ipairs(runs) do answers[#answers + 1] = answer(r) end
return {lease_ms, heartbeat_ms, until_due(), paused, answers}

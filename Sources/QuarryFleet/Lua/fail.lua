-- Ends a run that does not count.
-- ARGV from 4: task, run, epoch, kind, reason, seed for the jitter, 1 when the executor had begun, reports of hosts (JSON).
-- Reply: {'scheduled', wait ms}, {'ready'}, {'dead', ledger entry}, {'cancelled'} or {'refused', reason}.
-- Invariants: app, crash and blocked burn their own budget and wait with full jitter; release, storage,
-- worker and version_mismatch burn nothing; unrunnable is dead at once; a task whose budget is spent is dead with its reason;
-- one that was cancelled meanwhile ends so, whatever its run came to.
-- A repeat gets the first reply.
local task, run, epoch, kind, reason = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
math.randomseed(tonumber(ARGV[9]))
local has_begun, reports = ARGV[10] == '1', cjson.decode(ARGV[11])

local last = call('HMGET', TASK .. task, 'request', 'reply')
if last[1] == request then
  local state, detail = string.match(last[2], '^(%a+) ?(.*)$')
  if state == 'dead' then return {state, call('ZSCORE', UNSETTLED, detail) and ledger_entry(detail) or {}} end
  return {state, tonumber(detail) or 0}
end
local t, why, off = fence(task, run, epoch)
if off then
  begin_closing()
  call_off(task, off)
  return {'cancelled'}
end
if not t then return {'refused', why} end
local charged = kind == 'app' or kind == 'crash' or kind == 'blocked'
-- Nothing is charged for these, but the task says why it came back.
local of_worker = kind == 'storage' or kind == 'worker' or kind == 'version_mismatch'
if not charged and not of_worker and kind ~= 'release' and kind ~= 'unrunnable' then
  return {'refused', 'unknown kind'}
end

begin_closing()
if (charged or has_begun) and not t.started then mark_started(task, t) end
heed(t, reports)
call('UNLINK', key('emitted', run))
free({t})
local state, detail = 'ready', ''
if charged then
  state, detail = charge(task, t, kind, reason, asked_wait(reports))
elseif kind == 'unrunnable' then
  state, detail = 'dead', die(task, t, kind, reason)
else
  release(task, t)
  if of_worker then call('HSET', TASK .. task, 'failure', kind, 'error', string.sub(reason, 1, ERROR_LIMIT)) end
end
call('HSET', TASK .. task, 'request', request, 'reply', state .. ' ' .. detail)
if state == 'dead' then return {state, ledger_entry(detail)} end
return {state, tonumber(detail) or 0}

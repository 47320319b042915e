-- Removes entries whose ledger record is written; the notification of an accepted run may be sent from then on, and a
-- requeued task be claimed.
-- ARGV from 4: entry ids. Reply: {number removed}.
-- Invariants: a notification is never sent, and a requeued task never claimed, before the record is written; idempotent
-- by entry.
local removed, settled, read_out, lists = 0, {}, {}, {}
local accepted, kept_of = {}, {}
for i = 4, #ARGV do
  if string.find(ARGV[i], '^accepted:') then accepted[#accepted + 1] = ARGV[i] end
end
for i, kept in ipairs(#accepted > 0 and call('HMGET', RESULTS, unpack(accepted)) or {}) do
  kept_of[accepted[i]] = kept and cmsgpack.unpack(kept)
end
begin_closing()

-- An accepted run's record is written: it may be told of.
local function announce(id, task, kept)
  local job, run, children, _, notification = unpack(kept)
  if notification ~= '' then
    local fields = {'*', 'job', job, 'task', task, 'run', run, 'json', notification}
    if not call('XADD', NOTIFICATIONS, 'NOMKSTREAM', unpack(fields)) then
      make_notifications()
      call('XADD', NOTIFICATIONS, unpack(fields))
    end
  end
  read_out[#read_out + 1] = id
  if children > 0 then lists[#lists + 1] = key('emitted', run) end
  return job
end

for i = 4, #ARGV do
  local id = ARGV[i]
  if call('ZREM', UNSETTLED, id) == 1 then
    removed = removed + 1
    local kind, task = string.match(id, '^(%a+):(.+):%d+$')
    local kept = kept_of[id]
    local job = kept and announce(id, task, kept) or call('HGET', TASK .. task, 'job')
    if job then settled[job] = (settled[job] or 0) + 1 end
    if job and kind == 'requeued' then revive(task, job) end
  end
end
if #read_out > 0 then call('HDEL', RESULTS, unpack(read_out)) end
if #lists > 0 then call('UNLINK', unpack(lists)) end
for job, count in pairs(settled) do
  call('HINCRBY', JOB .. job, 'unsettled', -count)
  finish_if_done(job)
end
return {removed}

-- Removes entries whose ledger record is written; the notification of an accepted run may be sent from then on, and a
-- requeued task be claimed.
-- ARGV from 4: entry ids. Reply: {number removed}.
-- Invariants: a notification is never sent, and a requeued task never claimed, before the record is written; idempotent
-- by entry.
local removed = 0
begin_closing()
local jobs = {}
for i = 4, #ARGV do
  local id = ARGV[i]
  if call('ZREM', UNSETTLED, id) == 1 then
    removed = removed + 1
    local kind, task = string.match(id, '^(%a+):(.+):%d+$')
    local t = call('HMGET', TASK .. task, 'job', 'run')
    if t[1] then
      call('HINCRBY', JOB .. t[1], 'unsettled', -1)
      jobs[t[1]] = true
    end
    if t[1] and kind == 'accepted' then
      local result = call('GET', key('result', task))
      local notification = result and cjson.decode(result)[2] or ''
      if notification ~= '' then
        call('XADD', NOTIFICATIONS, '*', 'job', t[1], 'task', task, 'run', t[2], 'json', notification)
      end
      call('UNLINK', key('result', task), key('emitted', t[2]))
    end
    if t[1] and kind == 'requeued' then revive(task, t[1]) end
  end
end
for job in pairs(jobs) do finish_if_done(job) end
return {removed}

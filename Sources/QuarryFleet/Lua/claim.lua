-- Leases ready tasks to a worker for its free slots.
-- ARGV from 4: a fresh run id for each free slot. A worker that has not joined gets nothing.
-- Reply: {lease ms, heartbeat ms, ms until something is due (-1: nothing is), 1 when the fleet or the worker is paused,
-- {assignment…}}.
-- Invariants: a task is in one structure at every instant; its epoch grows with every claim and is never below the
-- time in ms; slots and spacing of hosts are never exceeded; nothing is handed out while paused. A repeated request
-- gets what the first one claimed, as far as it is still leased to it.
-- Redis takes nothing back: an error in the middle may leave tasks that are off their list and that nobody was told of. They
-- are in `leases` from that moment on, ready or leased, and the reaper takes them back.
local storage, is_paused = worker_of(actor)
local runs = {}
for i = 4, #ARGV do runs[#runs + 1] = ARGV[i] end

local tasks = replayed('claim')
if tasks then
  tasks = still_leased(tasks)
else
  if is_due() then
    begin()
    promote()
  end
  tasks = {}
  -- A worker that must not have it may have taken the wake-up of one that may.
  if is_paused and has_work(storage) then
    begin()
    wake(storage)
  end
  if not is_paused and has_work(storage) then
    begin()
    tasks = claim(actor, runs)
    if #tasks > 0 then remember_claim(tasks) end
  end
end

local assignments = {}
for _, t in ipairs(tasks) do assignments[#assignments + 1] = assignment(t) end
return {lease_ms, heartbeat_ms, until_due(), is_paused and 1 or 0, assignments}

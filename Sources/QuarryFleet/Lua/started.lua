-- First frames of executors have arrived: each claim counts as an attempt, and its host's spacing counts from here.
-- ARGV from 4: triples of task, run, epoch. Reply: {{'started'} or {'refused', reason}…}.
-- Invariants: an attempt is counted once a claim; the host was closed since the claim.
local answers, fresh, is_named = {}, {}, {}
for i = 4, #ARGV, 3 do
  local t, why = fence(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  if t and not t.started and not is_named[t.run] then
    fresh[#fresh + 1] = t
    is_named[t.run] = true
  end
  answers[#answers + 1] = t and {'started'} or {'refused', why}
end
if #fresh > 0 then begin_closing() end
for _, t in ipairs(fresh) do mark_started(t.task, t) end
return answers

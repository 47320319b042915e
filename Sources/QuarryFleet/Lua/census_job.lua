-- Holds what a job counts against what it has, in one step; changes nothing. ARGV from 4: job.
-- Reply: {{tasks in each state, in the order ready, scheduled, leased, done, dead, cancelled}, {problem…}}; {} for none.
local job = ARGV[4]
local v = call('HMGET', JOB .. job, 'state', 'admitted', 'done', 'dead', 'cancelled', 'trimmed_done', 'trimmed_dead',
  'unsent')
if not v[1] then return {} end
local n = {}
local problems = {}
for i, name in ipairs({'admitted', 'done', 'dead', 'cancelled'}) do
  if not tonumber(v[i + 1]) then
    problems[#problems + 1] = 'job ' .. job .. ' has ' .. name .. " '" .. or_empty(v[i + 1]) .. "', which is no number"
  end
end
for i = 2, 7 do n[i] = tonumber(v[i]) or 0 end
local admitted, done, dead, cancelled, trimmed_done, trimmed_dead = n[2], n[3], n[4], n[5], n[6], n[7]
local counts, all = {}, trimmed_done + trimmed_dead
for i, state in ipairs({'ready', 'scheduled', 'leased', 'done', 'dead', 'cancelled'}) do
  counts[i] = call('ZCARD', key('index', job, state))
  all = all + counts[i]
end

local function expect(holds, ...)
  if not holds then problems[#problems + 1] = 'job ' .. job .. ' ' .. table.concat({...}) end
end
local final = counts[4] + counts[6] + trimmed_done
expect(done + cancelled == final, 'counts ', done, ' done and ', cancelled, ' cancelled, has ', final)
expect(dead == counts[5] + trimmed_dead, 'counts ', dead, ' dead, has ', counts[5] + trimmed_dead)
expect(admitted == all, 'counts ', admitted, ' admitted, has ', all)
local unsent, waiting = tonumber(v[8]) or 0, call('HLEN', RESULTS) + call('XLEN', NOTIFICATIONS)
expect(unsent <= waiting, 'counts ', unsent, ' notifications to send, all jobs have ', waiting)
if v[1] == 'open' then
  local prints = call('HLEN', key('prints', job))
  expect(prints == admitted, 'admitted ', admitted, ' tasks and knows ', prints, ' fingerprints')
end
return {counts, problems}

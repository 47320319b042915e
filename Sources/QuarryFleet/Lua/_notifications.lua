-- The stream of notifications, where somebody has taken it or its group away. Uses _ends.lua.

-- Makes them anew. What waited in the stream is nowhere else: it is not sent, jobs wait for it no longer, and an event says so.
-- What is in `results` still comes into the stream when it is settled, and counts as unsent as before.
-- The group begins with the oldest entry: what was sent is in the stream no more.
local function make_notifications()
  -- One of another type goes by being asked.
  call('XLEN', NOTIFICATIONS)
  local is_gone = call('EXISTS', NOTIFICATIONS) == 0
  -- An error says that the group is there, or that it is refused, which whoever asks the group next is told.
  redis.pcall('XGROUP', 'CREATE', NOTIFICATIONS, 'publishers', '0', 'MKSTREAM')
  if not is_gone then return end
  local coming = {}
  for _, kept in ipairs(call('HVALS', RESULTS)) do
    local job, _, _, _, notification = unpack(cmsgpack.unpack(kept))
    if notification ~= '' then coming[job] = (coming[job] or 0) + 1 end
  end
  for _, job in ipairs(call('ZRANGE', JOBS, 0, -1)) do
    local lost = (tonumber(call('HGET', JOB .. job, 'unsent')) or 0) - (coming[job] or 0)
    if lost > 0 then
      call('HINCRBY', JOB .. job, 'unsent', -lost)
      event('key_replaced', 'job', job, 'count', lost, 'error', 'key ' .. NOTIFICATIONS .. ' was gone and was made anew: '
        .. 'notifications of job ' .. job .. ' that waited there (' .. lost .. ') are never sent, what they tell of is in storage')
      finish_if_done(job)
    end
  end
end

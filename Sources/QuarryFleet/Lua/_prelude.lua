-- Common to all transitions. ARGV[1] generation, ARGV[2] request id, ARGV[3] who asks (a worker or coordinator);
-- a script's own arguments follow from ARGV[4] on.
-- Answers the error LOST when the fleet's state is missing or of another generation: then nothing is read or written.
local is_writing, event = false, nil

-- What somebody has put in a key's place counts as missing, so that it stops nobody else: a key of another type, or a counter
-- that is no number. A script that only reads finds nothing there; the first one that writes takes it away and says so.
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  local command, name, field = ...
  local has_other_type = string.find(reply.err, 'WRONGTYPE', 1, true)
  local is_no_number = string.find(reply.err, 'hash value is not an integer', 1, true)
  if not has_other_type and not is_no_number then return redis.call(...) end
  if not is_writing then return redis.call(command, NOTHING, select(3, ...)) end
  if has_other_type then redis.call('UNLINK', name) else redis.call('HDEL', name, field) end
  event('key_replaced', 'error', (has_other_type and '' or 'field ' .. field .. ' of ') .. 'key ' .. name
    .. ' held what it must not, and was taken away')
  return redis.call(...)
end

local meta = {}
do
  local names = {'generation', 'time', 'shift', 'served', 'lease_ms', 'heartbeat_ms', 'paused', 'leader',
    'leader_until', 'term', 'host_slots', 'host_gap_ms', 'control',
    'auto_throttle', 'asking'}
  local values = call('HMGET', META, unpack(names))
  for i, name in ipairs(names) do meta[name] = values[i] end
end
if meta.generation ~= ARGV[1] then
  return redis.error_reply('LOST this Redis does not hold the fleet that the process joined')
end
local request, actor = ARGV[2], ARGV[3]
local lease_ms = tonumber(meta.lease_ms)
local heartbeat_ms = tonumber(meta.heartbeat_ms)

-- Milliseconds of this server's clock, never earlier than the greatest seen: a clock that was set back is followed
-- from where it stood until it has caught up.
local now, shift = 0, 0
do
  local t = call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
  local last = tonumber(meta.time) or 0
  if now < last then
    local at = math.max(last, now + (tonumber(meta.shift) or 0))
    shift = at - now
    now = at
  end
end

-- The same as text: a number is written out anew for each command that takes it.
local now_text = string.format('%.0f', now)
local lease_end_text = string.format('%.0f', now + lease_ms)

-- First write of a script that makes something: refused by the server when its memory is full.
local function begin()
  is_writing = true
  call('HSET', META, 'time', now, 'shift', shift)
end

-- First write of a script that closes something. It needs no memory, and a script that has written may go on when
-- memory is full.
local function begin_closing()
  call('UNLINK', PREFIX .. 'gate')
  begin()
end

-- The reply that this actor's duty got for the same request id, or nil.
local function replayed(duty)
  local kept = call('HGET', key('replies', actor), duty)
  if not kept then return nil end
  local last = cmsgpack.unpack(kept)
  if last[1] == request then return last[2] end
end

local function keep(duty, reply)
  local replies = key('replies', actor)
  call('HSET', replies, duty, cmsgpack.pack({request, reply}))
  call('PEXPIRE', replies, 86400000)
  return reply
end

-- Appends to the capped stream; the message on the channel of the same name is only a hint that there is something, once
-- a script for each kind.
local hinted = {}
function event(kind, ...)
  call('XADD', EVENTS, 'MAXLEN', '~', 10000, '*', 'type', kind, 'at', now_text, ...)
  if not hinted[kind] then call('PUBLISH', EVENTS, kind) end
  hinted[kind] = true
end

-- Values for one key after another, so that one command writes all that a key gets.
local function gather(groups, name, value, member)
  local group = groups[name] or {}
  groups[name] = group
  group[#group + 1] = value
  if member then group[#group + 1] = member end
end

local function write(command, groups)
  for name, values in pairs(groups) do
    for from = 1, #values, 1000 do call(command, name, unpack(values, from, math.min(from + 999, #values))) end
  end
end

local function or_empty(value) return value or '' end

-- Fields of a task; what is no task has none, and stops nothing.
local function fields_of(task, ...) return redis.pcall('HMGET', TASK .. task, ...) end

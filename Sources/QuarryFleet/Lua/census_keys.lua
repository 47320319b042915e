-- Names keys that hold another type than they have to; changes nothing. ARGV from 4: names of keys without the fleet's prefix,
-- 1,000 at most. Reply: {problem…}. Tasks are census_tasks' matter.
local TYPES = {meta = 'hash', job = 'hash', jobs = 'zset', finished = 'zset', params = 'string', index = 'zset', prints = 'hash',
  scripts = 'hash', pages = 'hash', cut = 'hash', outbox = 'list', cancelling = 'set', searching = 'zset', lost = 'hash',
  emitted = 'list', ready = 'list', open = 'zset', rota = 'zset', hosts = 'zset', hostjobs = 'set', host = 'hash',
  slots = 'zset', starting = 'set',
  scheduled = 'zset', leases = 'zset', held = 'zset', worker = 'hash', workers = 'zset', refused = 'hash', refusers = 'set',
  replies = 'hash', unsettled = 'zset', results = 'hash', notifications = 'stream', events = 'stream', submissions = 'list',
  rejects = 'list', wake = 'list'}
local problems = {}
for i = 4, #ARGV do
  local needed = TYPES[string.match(ARGV[i], '^[^:]+')]
  local held = needed and call('TYPE', PREFIX .. ARGV[i]).ok
  if needed and held ~= needed and held ~= 'none' then
    problems[#problems + 1] = 'the key ' .. PREFIX .. ARGV[i] .. ' holds a ' .. held .. ' and has to be a ' .. needed
      .. ': it counts as missing, and is taken away by what next writes it'
  end
end
return problems

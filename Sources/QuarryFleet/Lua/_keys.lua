-- Names of all keys of a fleet. KEYS[1] is the fleet's meta key; the others carry the same hash tag, so that they
-- lie in the same slot of a cluster. Keys.swift has the same names.
local PREFIX = string.sub(KEYS[1], 1, -5)
local META = KEYS[1]
local EVENTS = PREFIX .. 'events'
local NOTIFICATIONS = PREFIX .. 'notifications'
local SUBMISSIONS = PREFIX .. 'submissions'
local REJECTS = PREFIX .. 'rejects'
local OUTBOX = PREFIX .. 'outbox'
local ADMITTER_WAKE = PREFIX .. 'wake:admit'
local JOBS = PREFIX .. 'jobs'
local WORKERS = PREFIX .. 'workers'
local SCHEDULED = PREFIX .. 'scheduled'
local LEASES = PREFIX .. 'leases'
local SEARCHING = PREFIX .. 'searching'
local UNSETTLED = PREFIX .. 'unsettled'
local RESULTS = PREFIX .. 'results'
local CANCELLING = PREFIX .. 'cancelling'
local TASK = PREFIX .. 'task:'
local JOB = PREFIX .. 'job:'
local WORKER = PREFIX .. 'worker:'
local HOST = PREFIX .. 'host:'
local function key(kind, a, b, c)
  if c then return PREFIX .. kind .. ':' .. a .. ':' .. b .. ':' .. c end
  if b then return PREFIX .. kind .. ':' .. a .. ':' .. b end
  return PREFIX .. kind .. ':' .. a
end

-- A key that there never is. Where the slot is being moved to another node of a cluster, some keys are here and some
-- there; the node refuses to look for one that it has not, and the script ends before it has done anything.
local NOTHING = PREFIX .. 'moving'
redis.call('EXISTS', NOTHING)

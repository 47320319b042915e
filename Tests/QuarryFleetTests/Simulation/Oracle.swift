import QuarryCore
import QuarryFleet
import RedisClient

/// Looks at a whole fleet behind its scripts' back: the raw structures, never a counter.
struct Oracle: Sendable {
  let connection: RedisConnection
  let meta: String
  let jobs: [String]
  let hosts: [String]

  /// What has changed since the last look, and what contradicts itself.
  struct Sight {
    /// The fleet's clock as it is kept: the greatest time seen, and how far behind the server's own clock was.
    var time: Int64
    var shift: Int64
    var outbox: Int
    var changes: [TaskFact]
    var problems: [String]
    /// Something may be claimed, and nobody has been told.
    var isUnannounced: Bool
    var openJobs: Set<String> = []
  }

  /// Sets the clock for the next step, too.
  func look(_ time: SimulatedTime, server: Int) async throws -> Sight {
    let reply = try await connection.send(
      .script(
        Self.script, keys: [.text(meta)],
        arguments: [
          .text(jobs.joined(separator: " ")), .text(hosts.joined(separator: " ")), .integer(time.wall),
          .integer(Int64(server)),
        ]))
    guard let parts = reply.elements, parts.count == 7 else { throw Missing(what: "a sight: \(reply)") }
    return Sight(
      time: parts[0].int ?? 0, shift: parts[1].int ?? 0, outbox: Int(parts[2].int ?? 0),
      changes: (parts[3].elements ?? []).map { TaskFact(($0.elements ?? []).map { $0.text ?? "" }) },
      problems: (parts[4].elements ?? []).compactMap(\.text), isUnannounced: parts[5].int == 1,
      openJobs: Set((parts[6].elements ?? []).compactMap(\.text)))
  }

  /// In the same order for the same seed.
  func readyLists() async throws -> [String] {
    let reply = try await connection.send(["KEYS", .text(prefix + "ready:*")])
    return (reply.elements ?? []).compactMap(\.text).sorted()
  }

  /// Deletes a list of tasks; those may lie nowhere from now on, until they are seen somewhere.
  func takeAway(_ list: String) async throws {
    let tasks = try await connection.send(["LRANGE", .text(list), 0, -1]).elements ?? []
    let astray = ["SADD", .text(prefix + "sim:astray")] + tasks.compactMap(\.text).map(RedisArgument.text)
    _ = try await connection.send(RedisCommand(astray))
    _ = try await connection.send(["DEL", .text(list)])
  }

  var prefix: String { String(meta.dropLast("meta".count)) }

  /// Keeps all of Redis as it is now, beside it.
  func keep() async throws { _ = try await connection.send(.script(Self.keeping, keys: [], arguments: [])) }

  /// Redis is what it was when it was last kept.
  func bringBack() async throws { _ = try await connection.send(.script(Self.bringing, keys: [], arguments: [])) }

  private static func copying(from: Int, to: Int) -> RedisScript {
    RedisScript(
      """
      local call = redis.call
      call('SELECT', \(to))
      call('FLUSHDB')
      call('SELECT', \(from))
      for _, key in ipairs(call('KEYS', '*')) do call('COPY', key, key, 'DB', \(to)) end
      call('SELECT', 0)
      """)
  }
  private static let keeping = copying(from: 0, to: 1)
  private static let bringing = copying(from: 1, to: 0)

  struct Missing: Error { let what: String }

  /// Every script takes its time, and the server's identity, from the simulation.
  static func underSimulatedTime(_ source: String) -> String {
    source
      .replacing("local t = call('TIME')", with: "local t = call('HMGET', PREFIX .. 'sim:clock', 's', 'us')")
      .replacing("call('INFO', 'server')", with: "call('HGET', PREFIX .. 'sim:clock', 'server')")
  }

  private static let script = RedisScript(
    """
    local prefix, call = string.sub(KEYS[1], 1, -5), redis.call
    local function key(...) return prefix .. table.concat({...}, ':') end
    local function words(text)
      local all = {}
      for word in string.gmatch(text, '%S+') do all[#all + 1] = word end
      return all
    end
    local jobs, hosts = words(ARGV[1]), words(ARGV[2])
    local changes, problems, place, known, alive, at = {}, {}, {}, {}, {}, {}
    local function problem(text) problems[#problems + 1] = text end
    local function put(tasks, where)
      for _, task in ipairs(tasks) do
        if place[task] then problem(task .. ' lies in ' .. place[task] .. ' and in ' .. where) end
        place[task] = where
      end
    end
    hosts[#hosts + 1] = ''
    for _, host in ipairs(hosts) do
      at[host] = {}
      for _, lane in ipairs({'high', 'default', 'low'}) do
        for _, job in ipairs(call('SMEMBERS', key('hostjobs', lane, host))) do
          put(call('LRANGE', key('ready', lane, job, host), 0, -1), 'ready')
        end
      end
    end
    put(call('ZRANGE', key('scheduled'), 0, -1), 'scheduled')
    put(call('ZRANGE', key('leases'), 0, -1), 'leased')
    local count, seen, astray = 0, key('sim', 'seen'), {}
    for _, task in ipairs(call('SMEMBERS', key('sim', 'astray'))) do astray[task] = true end
    for _, job in ipairs(jobs) do
      for _, state in ipairs({'ready', 'scheduled', 'leased', 'done', 'dead', 'cancelled'}) do
        for _, task in ipairs(call('ZRANGE', key('index', job, state), 0, -1)) do
          count = count + 1
          if known[task] then problem(task .. ' is listed twice') end
          known[task] = job
          local v = call('HMGET', key('task', task), 'state', 'run', 'epoch', 'owner', 'depth', 'app', 'crash', 'blocked',
            'started_at', 'due_at', 'cancel_at', 'requeue_at', 'host', 'params', 'failure', 'attempt')
          for i = 1, 16 do v[i] = v[i] or '' end
          if v[1] ~= state then problem(task .. ' is ' .. v[1] .. ' and listed as ' .. state) end
          local wanted = (state == 'ready' or state == 'scheduled' or state == 'leased') and state or nil
          if place[task] ~= wanted then
            if not (astray[task] and state == 'ready') then
              problem(task .. ' is ' .. state .. ' and lies in ' .. (place[task] or 'nothing'))
            end
          elseif astray[task] then
            call('SREM', key('sim', 'astray'), task)
          end
          if wanted then alive[job] = task .. ' is ' .. state end
          if state == 'leased' then at[v[13]][task] = true end
          local line = table.concat(v, '|')
          if call('HGET', seen, task) ~= line then
            call('HSET', seen, task, line)
            v[17], v[18] = task, job
            changes[#changes + 1] = v
          end
        end
      end
    end
    for task, where in pairs(place) do
      if not known[task] then problem(task .. ' lies in ' .. where .. ' and no job lists it') end
    end
    if call('HLEN', seen) ~= count then problem('of ' .. call('HLEN', seen) .. ' tasks ' .. count .. ' are left') end
    for _, host in ipairs(hosts) do
      if host ~= '' then
        local held = {}
        for _, task in ipairs(call('ZRANGE', key('slots', host), 0, -1)) do
          held[task] = true
          if not at[host][task] then problem(host .. ' keeps a slot for ' .. task) end
        end
        for task in pairs(at[host]) do
          if not held[task] then problem(host .. ' has no slot for ' .. task) end
        end
        for _, task in ipairs(call('SMEMBERS', key('starting', host))) do
          if not at[host][task] then problem(host .. ' waits for the start of ' .. task) end
        end
      end
    end
    local function still(task, what)
      local job = task and known[task]
      if job then alive[job] = task .. ' ' .. what end
    end
    for _, entry in ipairs(call('LRANGE', key('outbox'), 0, -1)) do
      still(string.match(entry, '^(%S+)'), 'has work in the outbox')
    end
    for _, entry in ipairs(call('ZRANGE', key('unsettled'), 0, -1)) do
      still(string.match(entry, '^%a+:(.+):%d+$'), 'is not in the ledger')
    end
    for _, entry in ipairs(call('XRANGE', key('notifications'), '-', '+')) do
      alive[entry[2][2]] = 'a notification is not sent'
    end
    local open = {}
    for _, job in ipairs(jobs) do
      local state = call('HGET', key('job', job), 'state')
      if state == 'open' then open[#open + 1] = job end
      if call('EXISTS', key('outbox', job)) == 1 then alive[job] = 'work is held back' end
      if state == 'finished' and alive[job] then problem(job .. ' is finished although ' .. alive[job]) end
      if state == 'open' and not alive[job] then problem(job .. ' is open although all of it has ended') end
    end
    local function exists(pattern)
      for _, lane in ipairs({'high', 'default', 'low'}) do
        if call('EXISTS', key('rota', lane, pattern)) == 1 then return true end
      end
    end
    local silent = exists('fs:quarry:one') and call('EXISTS', key('wake:work', 'fs:quarry:one')) == 0
    local clock = tonumber(ARGV[3])
    call('HSET', key('sim', 'clock'), 's', math.floor(clock / 1000), 'us', clock % 1000 * 1000, 'server', 'run_id:' .. ARGV[4])
    local m = call('HMGET', KEYS[1], 'time', 'shift')
    return {tonumber(m[1] or 0), tonumber(m[2] or 0), call('LLEN', key('outbox')), changes, problems, silent and 1 or 0, open}
    """)
}

/// One task as it lies in Redis.
struct TaskFact: Equatable {
  var id = ""
  var job = ""
  var state = TaskState.ready
  var run = ""
  var epoch: Int64 = 0
  var owner = ""
  var depth = 0
  /// How much of each budget is used, by the kind of failure.
  var used: [String: Int] = [:]
  var startedAt: Int64?
  var dueAt: Int64?
  var isCancelling = false
  var isRequeued = false
  var host = ""
  var url = ""
  var failure = ""

  init(_ fields: [String]) {
    guard fields.count == 18 else { return }
    state = TaskState(rawValue: fields[0]) ?? .ready
    (run, epoch, owner, depth) = (fields[1], Int64(fields[2]) ?? 0, fields[3], Int(fields[4]) ?? 0)
    for (kind, text) in zip(["app", "crash", "blocked"], fields[5...7]) { used[kind] = Int(text) ?? 0 }
    (startedAt, dueAt) = (Int64(fields[8]), Int64(fields[9]))
    (isCancelling, isRequeued) = (!fields[10].isEmpty, !fields[11].isEmpty)
    (host, failure, id, job) = (fields[12], fields[14], fields[16], fields[17])
    url = fields[13].split(separator: "\"").first { $0.hasPrefix("http") }.map(String.init) ?? ""
  }
}

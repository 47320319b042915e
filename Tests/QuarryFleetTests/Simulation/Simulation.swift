import QuarryCore
import QuarryFleet
import RedisClient

/// One fleet under one seed: three workers, two coordinators and the people around them, in turns that chance decides;
/// between any two of them a process may die or stand still, a request or its answer be lost, a clock be set, Redis
/// restart. After each turn the model judges what has changed in Redis.
struct Simulation {
  let seed: UInt64
  let chance: Chance
  let connection: RedisConnection
  let oracle: Oracle
  let jobs: [SimulatedJob]
  let ledger = MemoryLedger()
  let writer: LedgerWriter
  var time = SimulatedTime()
  var server = 1
  var model = FleetModel()
  var workers: [SimulatedWorker] = []
  var coordinators: [SimulatedCoordinator] = []
  /// The executors that live, by run.
  var runs: [String: SimulatedRun] = [:]
  /// What dead processes had sent, and the network still has.
  var strays: [(worker: String, message: SimulatedWorker.Message)] = []
  var announced: Set<String> = []
  /// Choices of the pool, in their order.
  var proxies: [Int] = []
  var recorded: Set<String> = []
  /// What the last turns were, to show with a failure.
  var diary: [String] = []
  /// What Redis has on its disk, and is to come back with.
  var disk: Disk?
  /// Redis has lost what it had been told.
  var hasLost = false
  /// When the reaper is to tick next, on the boot clock.
  var nextTick: Int64 = 0
  /// A worker has taken the marker that says that there is work; it may die with it.
  var isMarkerAway = false
  /// Faults happen until the end of the seed begins.
  var hasFaults = true
  var last = Oracle.Sight(time: 0, shift: 0, outbox: 0, changes: [], problems: [], isUnannounced: false)

  /// - Parameter scripts: what stands in for the fleet's scripts, by name.
  init(seed: UInt64, on connection: RedisConnection, fleet: String, scripts: [String: RedisScript]) async throws {
    self.seed = seed
    let chance = Chance(seed: seed)
    self.chance = chance
    self.connection = connection
    jobs = (0..<2).map { SimulatedJob($0, chance) }
    let meta = "quarry:{\(fleet)}:meta"
    oracle = Oracle(connection: connection, meta: meta, jobs: jobs.map(\.id), hosts: SimulatedJob.hosts)
    writer = LedgerWriter(ledger: ledger, fleet: fleet)
    var variation = QueueVariation()
    variation.makeID = { chance.id() }
    variation.makeSeed = { Int64(chance.below(1 << 30)) }
    variation.scripts = scripts
    for id in ["w0", "w1", "w2"] {
      workers.append(
        SimulatedWorker(
          id: id, queue: try await .open(connection, fleet: fleet, actor: id, variation: variation)))
    }
    for id in ["c0", "c1"] {
      coordinators.append(
        SimulatedCoordinator(
          id: id, queue: try await .open(connection, fleet: fleet, actor: id, variation: variation)))
    }
    for job in jobs {
      model.jobs[job.id] = job.model
      model.jobs[job.id]?.emitted = [job.root]
    }
    model.hosts.own["h3"] = (1, 7_000)
    try await prepare()
  }

  private mutating func prepare() async throws {
    try await look(.nothing)
    for job in jobs {
      try await writer.append([.job(job.record)], jobID: job.id)
      _ = try await coordinators[0].queue.submit(job.submission)
      try await look(.submit)
    }
    _ = try await coordinators[0].queue.set([.hostConcurrency: 1, .hostDelay: 7_000], of: .host("h3")).get()
    for place in workers.indices { boot(place) }
  }

  /// What Redis' clock says now, as every script must take it.
  var now: Int64 { time.wall < last.time ? max(last.time, time.wall + last.shift) : time.wall }

  mutating func note(_ text: String) {
    diary.append(text)
    if diary.count > 40 { diary.removeFirst() }
  }

  /// One turn, and what came of it.
  mutating func step() async throws {
    let deed = try await turn()
    pass(Int64(chance.below(12) == 0 ? chance.below(6_000) : chance.below(300)))
    try await look(deed)
  }

  /// The deed was done before the time that has passed by now.
  mutating func look(_ deed: Deed) async throws {
    let sight = try await oracle.look(time, server: server)
    model.observe(deed, sight)
    if sight.time < last.time { model.problem("the fleet's time goes from \(last.time) back to \(sight.time)") }
    last = sight
    model.now = now
    for run in runs.keys.sorted() where runs[run]?.deadline ?? .max <= time.boot { killByShepherd(run) }
    checkWakeUp(sight)
  }

  /// Whoever waits for work is told when there is some, or somebody is on the way to it.
  private mutating func checkWakeUp(_ sight: Oracle.Sight) {
    guard sight.isUnannounced, !model.isPaused, !isMarkerAway else { return }
    let live = workers.filter { $0.isUp && $0.frozenUntil <= time.boot && model.workerHolds[$0.id] == nil }
    let isAllWaiting = live.allSatisfy { $0.waitsUntil != nil && $0.outgoing.isEmpty }
    if !live.isEmpty, isAllWaiting { model.problem("there is work, all workers wait, and nobody is told") }
  }

  /// The oracle has set Redis' clock to this before the next turn.
  private mutating func pass(_ milliseconds: Int64) { time.pass(milliseconds) }

  /// The shepherd holds the deadline, whatever became of the worker.
  private mutating func killByShepherd(_ run: String) {
    guard let entry = runs.removeValue(forKey: run), let place = workers.firstIndex(where: { $0.id == entry.worker })
    else { return }
    guard workers[place].isUp else { return }
    handle(place, .entitlementLost(runID: run, .leaseLost))
    handle(place, .runEnded(runID: run, .failed(.release, reason: "lease", RunFigures(outcome: nil)), emitted: 0))
  }

  // MARK: turns

  private mutating func turn() async throws -> Deed {
    if let disk, disk.until <= time.boot { return try await loseLastSecond(disk) }
    if let deed = try await tick() { return deed }
    switch chance.below(20) {
    case 0...8: return try await send()
    case 9...13: return try await run()
    case 14...16: return try await serve()
    case 17: return try await people()
    case 18: return try await deliverStray()
    default: return try await hasFaults ? fault() : .nothing
    }
  }
}

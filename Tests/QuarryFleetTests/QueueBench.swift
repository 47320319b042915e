import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport

/// A fleet of its own on the tests' shared real Redis, with a clock that tests push forward.
struct QueueBench: Sendable {
  /// One server for all tests: fleets do not see each other.
  private static let server: Result<RedisServer, any Error> = Result { try RedisServer.start() }
  /// The time is the queue's matter here, not the connection's: a busy machine must not end a call.
  private static let patient: RedisOptions = {
    var options = RedisOptions()
    options.connectTimeout = .seconds(60)
    options.callTimeout = .seconds(60)
    return options
  }()
  static let storage = StorageIdentity(backend: "fs", dataset: "quarry", id: "one")

  let queue: FleetQueue
  /// For looking behind the scripts.
  let raw: RedisConnection
  let fleet: String

  static func make(_ timing: LeaseTiming = LeaseTiming(), isFragile: Bool = false) async throws -> QueueBench {
    try await make(on: server.get(), timing, isFragile: isFragile)
  }

  /// - Parameter isFragile: its scripts end where there is `Damage`.
  static func make(
    on server: RedisServer, _ timing: LeaseTiming = LeaseTiming(), isFragile: Bool = false
  ) async throws -> QueueBench {
    var variation = QueueVariation()
    if isFragile { variation.scripts = Damage.scripts }
    let fleet = "t-" + UUIDv7.make()
    let endpoint = try RedisEndpoint(url: server.url)
    let raw = try await RedisConnection.connect(endpoint, options: patient)
    let queue = try await FleetQueue.open(
      try await RedisConnection.connect(endpoint, options: patient), fleet: fleet, actor: "coordinator", timing: timing,
      variation: variation)
    let bench = QueueBench(queue: queue, raw: raw, fleet: fleet)
    try await bench.reap()
    return bench
  }

  // MARK: jobs and workers

  @discardableResult
  func submit(
    _ job: String = "job", depth: Int = 5, maxRuns: Int? = nil, lane: String = "default", host: String? = nil,
    storage: StorageIdentity = storage, _ change: (inout JobRequest) -> Void = { _ in }
  ) async throws -> Bool {
    var request = JobRequest(script: "list.ts", scriptRoot: "/", source: "shop", storage: storage)
    request.depth = depth
    request.maxRuns = maxRuns
    request.lane = lane
    request.host = host
    change(&request)
    return try await queue.submit(
      JobSubmission(jobID: job, rootTaskID: "\(job)-root", request: request, target: "list.ts"))
  }

  func join(_ worker: String, storage: StorageIdentity = storage) async throws {
    try await queue.join(
      WorkerPresence(workerID: worker, host: "here", pid: 1, slots: 4, storage: storage, startedAt: .now()))
  }

  func claim(_ worker: String, _ count: Int = 1, request: String = UUIDv7.make()) async throws -> [TaskAssignment] {
    try await queue.claim(workerID: worker, count: count, requestID: request).tasks
  }

  /// The next claim looks in the high lane first.
  func skipTurns() async throws {
    let served = try await raw.send(["HGET", .text(meta), "served"]).int ?? 0
    try await set(meta, ["served": Int(served / 16 + 1) * 16 + 1])
  }

  /// The next task of a worker that must get one.
  func one(_ worker: String) async throws -> TaskAssignment {
    guard let task = try await claim(worker).first else { throw Missing(what: "a task for \(worker)") }
    return task
  }

  struct Missing: Error { let what: String }

  // MARK: runs

  func work(_ index: Int, _ url: String, lane: String? = nil, delay: Int? = nil, key: String? = nil) -> DerivedWork {
    DerivedWork(
      index: index, target: "detail.ts", params: "{\"url\":\"\(url)\"}",
      options: .init(lane: lane, delayMilliseconds: delay, dedupKey: key))
  }

  @discardableResult
  func emit(_ work: [DerivedWork], by task: TaskAssignment, _ worker: String) async throws -> EmitAnswer {
    try await queue.emit(work, by: task, workerID: worker, requestID: UUIDv7.make())
  }

  @discardableResult
  func admit(_ limit: Int = 500) async throws -> Int {
    try await queue.admit(limit: limit, term: 0, requestID: UUIDv7.make()) ?? 0
  }

  @discardableResult
  func reap() async throws -> Int { try await queue.reap(limit: 500, term: 0, requestID: UUIDv7.make()).taken }

  @discardableResult
  func complete(
    _ task: TaskAssignment, _ worker: String, emitted: Int? = nil, notification: String = "{\"run\":1}",
    next: Bool = false, hosts: [HostNote] = [], request: String = UUIDv7.make()
  ) async throws -> CompleteAnswer {
    var figures = RunFigures(
      outcome: .success, eventCount: 3, itemCount: 2, storagePath: "file:///data", day: "2026-11-24")
    figures.hosts = hosts
    let run = RunCompletion(
      task: task, figures: figures, emitted: emitted, notification: notification, claimsNext: next)
    return try await queue.complete([run], workerID: worker, requestID: request)[0]
  }

  /// - Parameter hosts: nil: the task's own host refused when the failure is a refusal, else nothing.
  @discardableResult
  func fail(
    _ task: TaskAssignment, _ kind: TaskResult.FailureKind, _ worker: String, reason: String = "boom",
    hosts: [HostNote]? = nil, request: String = UUIDv7.make()
  ) async throws -> FailAnswer {
    try await queue.fail(
      task, kind, reason: reason, hosts: hosts ?? (kind == .blocked ? [HostNote(host: "", hasRefused: true)] : []),
      workerID: worker, requestID: request)
  }

  @discardableResult
  func start(_ task: TaskAssignment, _ worker: String) async throws -> StartAnswer {
    try await queue.started([task], workerID: worker, requestID: UUIDv7.make())[0]
  }

  /// Claims, starts and completes one task, with its emissions.
  @discardableResult
  func run(_ worker: String, emitting urls: [String] = []) async throws -> TaskAssignment {
    let task = try await one(worker)
    try await start(task, worker)
    if !urls.isEmpty { try await emit(urls.enumerated().map { work($0, $1) }, by: task, worker) }
    try await complete(task, worker, emitted: urls.count)
    return task
  }

  /// The workers leave, and one called `last` does all that is left, while time passes, until every job is finished.
  func drain(_ workers: [String], _ run: (TaskAssignment) async throws -> Void) async throws {
    for worker in workers { try await queue.leave(workerID: worker) }
    try await join("last")
    for _ in 0..<3_000 {
      try await admit()
      let tasks = try await claim("last", 8)
      for task in tasks { try await run(task) }
      guard tasks.isEmpty else { continue }
      try await settleAll()
      if try await queue.jobs(limit: 5).allSatisfy(\.status.isFinished) { return }
      try await advance(.seconds(2_000))
      try await reap()
      _ = try await queue.renew([], age: .zero, workerID: "last", requestID: UUIDv7.make())
    }
  }

  /// Writes no ledger, but says that it is written, and sends all notifications.
  func settleAll() async throws {
    try await queue.settle(try await queue.pendingEntries(olderThan: .zero, limit: 1_000), requestID: UUIDv7.make())
    while true {
      let notifications = try await queue.notifications(limit: 100, upTo: .milliseconds(1))
      if notifications.isEmpty { return }
      try await queue.acknowledge(notifications)
    }
  }

  // MARK: time and truth

  /// The fleet's time, in ms: what a script that is called now sees at least.
  func now() async throws -> Int64 {
    let values = try await raw.send(["HMGET", .text(meta), "time", "shift"])
    let clock = try await raw.send(["TIME"])
    let wall = (clock[0]?.int ?? 0) * 1_000 + (clock[1]?.int ?? 0) / 1_000
    return max(values[0]?.int ?? 0, wall + (values[1]?.int ?? 0))
  }

  /// Sets fields of a host, of the fleet or of a job, as whoever changes bounds of a running fleet does.
  func set(_ key: String, _ fields: [String: Int]) async throws {
    for (name, value) in fields { _ = try await raw.send(["HSET", .text(key), .text(name), .integer(Int64(value))]) }
  }

  func gate(_ task: String) async throws -> TaskDetail.Gate? { try await queue.task(task)?.gate }

  func host(_ task: TaskAssignment) async throws -> String? { try await queue.task(task.taskID)?.task.host }

  /// Pushes the fleet's clock forward, as if the reaper had ticked all along.
  func advance(_ time: Duration, ticking: Bool = true) async throws {
    let values = try await raw.send(["HMGET", .text(meta), "time", "shift"])
    let clock = try await raw.send(["TIME"])
    let wall = (clock[0]?.int ?? 0) * 1_000 + (clock[1]?.int ?? 0) / 1_000
    let now = max(values[0]?.int ?? 0, wall + (values[1]?.int ?? 0)) + time.milliseconds
    _ = try await raw.send(
      ["HSET", .text(meta), "time", .integer(now), "shift", .integer(now - wall), "back", .integer(now - wall)])
    if ticking { _ = try await raw.send(["HSET", .text(meta), "reaped_at", .integer(now)]) }
  }

  var meta: String { "quarry:{\(fleet)}:meta" }

  func status(_ job: String = "job") async throws -> JobStatus { try await queue.status(jobID: job) }

  func census() async throws -> [String] { try await Census.take(queue) }

  func state(_ task: String) async throws -> TaskState? { try await queue.task(task)?.task.state }
}

import Dispatch
import Glibc
import QuarryCore
import QuarryFleet
import RedisClient
import Synchronization
import TestSupport
import Testing

/// A ledger in memory that refuses on demand.
final class MemoryLedger: Ledger {
  private struct State {
    var lines: [String: [String]] = [:]
    var refusals = 0
    var refusedJobs: Set<String> = []
  }
  private let state = Mutex(State())

  /// The next appends fail, this many.
  func refuse(_ count: Int) { state.withLock { $0.refusals = count } }

  /// Appends to these jobs fail until further notice.
  func refuse(jobs: Set<String>) { state.withLock { $0.refusedJobs = jobs } }

  func append(_ records: [String], fleet: String, jobID: String) throws(QuarryError) {
    let isRefused = state.withLock { state in
      guard state.refusals == 0, !state.refusedJobs.contains(jobID) else {
        state.refusals = max(0, state.refusals - 1)
        return true
      }
      state.lines[jobID, default: []] += records
      return false
    }
    if isRefused { throw QuarryError(.storage, "disk full") }
  }

  func records(fleet: String, jobID: String) throws(QuarryError) -> [String] {
    state.withLock { $0.lines[jobID] ?? [] }
  }

  /// The `kind` of each line of a job, in order.
  func kinds(_ jobID: String) throws -> [String] {
    try records(fleet: "", jobID: jobID).map { try JSONParser.parse($0)["kind"]?.string ?? "" }
  }
}

/// Runs the "scripts" of a test: a closure on a thread of its own, where it may block.
struct ClosureHandler: TaskHandler {
  let body: @Sendable (TaskAssignment, any DerivedWorkSink, RunControl) throws(QuarryError) -> TaskResult

  func run(_ task: TaskAssignment, derived: any DerivedWorkSink, control: RunControl) async -> TaskResult {
    await withCheckedContinuation { done in
      DispatchQueue(label: "run").async {
        control.markStarted()
        do throws(QuarryError) {
          done.resume(returning: try body(task, derived, control))
        } catch {
          done.resume(returning: .failed(.crash, reason: error.message, RunFigures(outcome: .executorCrash)))
        }
      }
    }
  }
}

/// A real Redis, a script root with one script, and all that a crawl leaves behind to look at.
final class CrawlFixture: Sendable {
  let redis: RedisServer
  /// How the members of the fleet find it.
  private let address: String
  let ledger = MemoryLedger()
  let published = Recorder<String>()
  /// Run ids in the order in which runs ended well.
  let succeeded = Recorder<String>()
  let notices = Recorder<CoordinatorNotice>()
  let workerNotices = Recorder<WorkerNotice>()
  let root: ScriptRoot
  private let folder: FolderOwner
  let storage = StorageIdentity(backend: "fs", dataset: "quarry", id: "test")

  /// Keeps the folder until the fixture goes.
  private final class FolderOwner: Sendable {
    let folder = TemporaryDirectory()
  }

  static let page = "export default async () => {}"

  convenience init(appendOnly: Bool = false) throws {
    var options = RedisServer.Options()
    options.appendOnly = appendOnly
    let redis = try RedisServer.start(options)
    try self.init(on: redis, address: redis.url)
  }

  init(on redis: RedisServer, address: String) throws {
    self.redis = redis
    self.address = address
    folder = FolderOwner()
    root = try ScriptRoot(folder.folder.path)
    try Self.write(Self.page, to: "page.ts", in: root)
  }

  static func write(_ script: String, to name: String, in root: ScriptRoot) throws {
    guard let file = fopen(root.path + "/" + name, "w") else { throw QuarryError(.usage, "no script") }
    fputs(script, file)
    fclose(file)
  }

  /// A job without a coordinator: workers do all of its duties.
  func submit(_ jobID: String = "job", _ change: (inout JobRequest) -> Void = { _ in }) async throws {
    let request = request(change)
    let scripts = try root.contentHashes(around: "page.ts")
    let submission = JobSubmission(
      jobID: jobID, rootTaskID: "\(jobID)-root", request: request, target: "page.ts", scripts: scripts)
    try await queue("submitter").submit(submission)
  }

  /// Follows the fleet's events until the job is finished.
  func waitUntilFinished(_ jobID: String) async throws {
    let watcher = try await queue("watcher")
    var last = "0-0"
    while true {
      let events = try await watcher.events(after: last, upTo: .seconds(5))
      if events.contains(where: { $0.type == "job_finished" && $0.jobID == jobID }) { return }
      try Task.checkCancellation()
      last = events.last?.id ?? last
    }
  }

  /// Looks until the job is as it should be, or the test's time is over.
  func waitUntil(_ jobID: String, _ condition: (JobStatus) -> Bool) async throws {
    let queue = try await queue("looker")
    while true {
      if let job = try await queue.job(jobID), condition(job.status) { return }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  func queue(_ actor: String) async throws -> FleetQueue {
    let connection = RedisConnection(try RedisEndpoint(url: address))
    return try await FleetQueue.open(connection, fleet: "test", actor: actor)
  }

  func request(_ change: (inout JobRequest) -> Void = { _ in }) -> JobRequest {
    var request = JobRequest(script: "page.ts", scriptRoot: root.path, source: "shop", storage: storage)
    request.params = #"{"n":0}"#
    request.depth = 50
    request.timing = LeaseTiming(lease: .seconds(60), heartbeat: .milliseconds(300))
    request.retries.attemptBase = .milliseconds(50)
    request.retries.crashBase = .milliseconds(50)
    change(&request)
    return request
  }

  func coordinator(
    _ request: JobRequest, id: String = "c1", allowedDead: Int = 0, task: CoordinatorTask? = nil,
    queue: FleetQueue? = nil
  ) async throws -> FleetCoordinator {
    var configuration = CoordinatorConfiguration()
    configuration.fleet = "test"
    configuration.coordinatorID = id
    configuration.allowedDead = allowedDead
    configuration.dutyInterval = .milliseconds(200)
    configuration.patience = request.timing.lease
    let opened: FleetQueue
    if let queue { opened = queue } else { opened = try await self.queue(id) }
    return FleetCoordinator(
      configuration, task: task ?? .submit(request), queue: opened, ledger: ledger,
      publish: { [published] batch throws(QuarryError) in
        for json in batch { published.add(json) }
        return batch.count
      },
      request: { [self] line throws(QuarryError) in
        var request = self.request()
        request.jobID = line.jobID
        request.script = line.script
        request.params = line.params
        return request
      }, notice: { [notices] in notices.add($0) })
  }

  typealias Body = @Sendable (TaskAssignment, any DerivedWorkSink, RunControl) throws(QuarryError) -> TaskResult

  func worker(
    _ id: String, slots: Int = 4, queue: FleetQueue? = nil, drainTimeout: Duration = .seconds(5),
    releaseTimeout: Duration = .seconds(5), root: ScriptRoot? = nil, memoryLimit: MemoryLimit? = nil,
    publish: (@Sendable (String) async throws(QuarryError) -> Void)? = nil, _ body: @escaping Body
  ) async throws -> FleetWorker {
    var configuration = WorkerConfiguration(scriptRoot: root ?? self.root, storage: storage, workerID: id)
    configuration.fleet = "test"
    configuration.concurrency = slots
    configuration.drainTimeout = drainTimeout
    configuration.releaseTimeout = releaseTimeout
    configuration.dutyInterval = .milliseconds(200)
    configuration.memoryLimit = memoryLimit
    let opened: FleetQueue
    if let queue { opened = queue } else { opened = try await self.queue(id) }
    let send: PublishNotifications = { [published] batch throws(QuarryError) in
      guard let publish else {
        for json in batch { published.add(json) }
        return batch.count
      }
      try await publish(batch[0])
      return 1
    }
    return FleetWorker(
      configuration, queue: opened, ledger: ledger, handler: ClosureHandler(body: body), publish: send,
      notice: { [workerNotices] in workerNotices.add($0) })
  }

  /// Page n links to 2n + 1 and 2n + 2 while they are below `pages`, and back to its own parent: a duplicate.
  func tree(pages: Int) -> Body {
    { [succeeded] task, derived, control throws(QuarryError) in
      let n = Self.number(of: task)
      var links = [2 * n + 1, 2 * n + 2].filter { $0 < pages }
      if n > 0 { links.append((n - 1) / 2) }
      for (index, link) in links.enumerated() {
        try derived.accept(DerivedWork(index: index, target: "page.ts", params: #"{"n":\#(link)}"#))
      }
      succeeded.add(task.runID)
      return .accepted(
        RunFigures(outcome: .success, eventCount: 2, itemCount: 1, storagePath: "file:///d", day: "2026-11-24"))
    }
  }

  static func number(of task: TaskAssignment) -> Int {
    Int((try? JSONParser.parse(task.params))?["n"]?.integer ?? -1)
  }

  func jobLedger(_ jobID: String) throws -> JobLedger { try JobLedger(reading: ledger, fleet: "test", jobID: jobID) }
}

extension FleetCoordinator {
  struct NoSummary: Error {}

  /// What came of a job that it follows.
  func summary() async throws -> CoordinatorSummary {
    guard let summary = try await run() else { throw NoSummary() }
    return summary
  }
}

/// Runs workers beside the coordinator until the job is finished, then drains them.
func crawl(
  _ coordinator: FleetCoordinator, _ workers: [FleetWorker],
  meanwhile: @escaping @Sendable () async throws -> Void = {}
) async throws -> CoordinatorSummary {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for worker in workers { group.addTask { _ = try await worker.run() } }
    group.addTask { try await meanwhile() }
    let summary = try await coordinator.summary()
    for worker in workers { worker.drain() }
    try await group.waitForAll()
    return summary
  }
}

/// Every page was accepted once, and nothing else was told.
func expectExact(_ fixture: CrawlFixture, _ summary: CoordinatorSummary, pages: Int) throws {
  let ledger = try fixture.jobLedger(summary.jobID)
  #expect(summary.status.done == pages)
  #expect(ledger.accepted.count == pages)
  #expect(ledger.superseded.isEmpty)
  #expect(Set(ledger.accepted.values.map(\.task.work.params)).count == pages)
  #expect(ledger.job != nil)
  let told = try fixture.published.all.map { try JSONParser.parse($0)["run_id"]?.string ?? "" }
  #expect(Set(told) == ledger.acceptedRunIDs)
}

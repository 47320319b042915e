import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport
import Testing

/// Starts and ends of a worker's runs on their way to a real Redis.
@Suite(.timeLimit(.minutes(5))) struct RunReportsTests {
  private enum Told: Equatable {
    case accepted(String)
    case refused(String, String)
    case lost(String, RunControl.StopReason)
    case waits(String)

    init?(_ event: WorkerEvent) {
      switch event {
      case .completeAnswered(let run, .accepted, _): self = .accepted(run)
      case .completeAnswered(let run, .refused(let why), _): self = .refused(run, why)
      case .entitlementLost(let run, let reason): self = .lost(run, reason)
      case .reportRefused(let run, let reason):
        #expect(reason.contains("cut short"))
        self = .waits(run)
      default: return nil
      }
    }
  }

  private let bench: QueueBench
  private let server: RedisServer
  private let told = Recorder<Told>()
  private let reports: RunReports

  init() async throws {
    server = try RedisServer.start()
    bench = try await QueueBench.make(on: server, isFragile: true)
    try await bench.join("w")
    reports = RunReports(
      queue: bench.queue,
      caller: PatientCaller(clock: .system, watch: RedisWatch { _ in }) { error in Issue.record(error) },
      workerID: "w", clock: .system
    ) { [told] event in
      if let news = Told(event) { told.add(news) } else { Issue.record("\(event)") }
    }
  }

  private func whileTelling(_ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [reports] in await reports.run() }
      try await body()
      group.cancelAll()
    }
  }

  /// A claim of the root of each job, every one on a host of its own.
  private func claim(_ jobs: String...) async throws -> [TaskAssignment] {
    for job in jobs { try await bench.submit(job, host: job) }
    return try await bench.claim("w", jobs.count).sorted { $0.jobID < $1.jobID }
  }

  private func end(_ task: TaskAssignment) {
    reports.add(endOf: task, RunFigures(outcome: .success), emitted: 0, claimsNext: false)
  }

  @Test func anEndThatRedisRefusesHoldsUpNoOther() async throws {
    let tasks = try await claim("a", "b", "c")
    let damage = Damage(bench, bench.queue.keys.prefix + "emitted:" + tasks[1].runID)
    try await damage.make()
    tasks.forEach(end)
    try await whileTelling {
      try await told.wait(for: 3)
      for news in [Told.accepted(tasks[0].runID), .waits(tasks[1].runID), .accepted(tasks[2].runID)] {
        #expect(told.all.contains(news))
      }
      // Nor what comes later.
      let later = try await claim("d")[0]
      end(later)
      try await told.wait { $0.contains(.accepted(later.runID)) }
      #expect(!told.all.contains(.accepted(tasks[1].runID)))
      try await damage.mend()
      try await told.wait { $0.contains(.accepted(tasks[1].runID)) }
    }
    #expect(told.count == 5)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aStartThatRedisRefusesHoldsUpNoOther() async throws {
    let tasks = try await claim("a", "b", "c")
    let damage = Damage(bench, bench.queue.keys.prefix + "starting:b")
    try await damage.make()
    tasks.forEach(reports.add(startOf:))
    try await whileTelling {
      try await started([tasks[0].runID, tasks[2].runID])
      try await told.wait(for: 1)
      #expect(told.all == [.waits(tasks[1].runID)])
      try await damage.mend()
      try await started([tasks[1].runID])
    }
  }

  /// Returns when Redis has told of these starts.
  private func started(_ runs: Set<String>) async throws {
    var (missing, last) = (runs, "0")
    while !missing.isEmpty {
      let events = try await bench.queue.events(after: last, upTo: .seconds(1))
      for event in events where event.type == "run_started" { missing.remove(event.runID ?? "") }
      last = events.last?.id ?? last
      try Task.checkCancellation()
    }
  }

  @Test func whatGathersTravelsTogetherAndAStartWithItsEnd() async throws {
    // The server knows the scripts from here on.
    try await bench.start(try await claim("before")[0], "w")
    let tasks = try await claim("a", "b", "c")
    try await bench.complete(tasks[0], "w")
    let calls = try evaluations()
    tasks.forEach(reports.add(startOf:))
    tasks[1...].forEach(end)
    try await whileTelling { try await told.wait(for: 3) }
    #expect(try evaluations() - calls == 2)
    #expect(told.all.contains(.lost(tasks[0].runID, .leaseLost)), "its start came late")
    for task in tasks { #expect(try await bench.queue.task(task.taskID)?.task.attempt == 1) }
  }

  private func evaluations() throws -> Int {
    let line = try server.ask("INFO", "commandstats").split(whereSeparator: \.isNewline).first {
      $0.hasPrefix("cmdstat_evalsha:")
    }
    let calls = try #require(line?.split(separator: ":").last?.split(separator: ",").first)
    return try #require(Int(calls.dropFirst("calls=".count)))
  }

  @Test func aCancelledRunIsStoppedAtItsStartAndRefusedAtItsEnd() async throws {
    let tasks = try await claim("a", "b")
    for task in tasks { _ = try await bench.queue.cancel(taskID: task.taskID).get() }
    reports.add(startOf: tasks[0])
    end(tasks[1])
    try await whileTelling { try await told.wait(for: 2) }
    #expect(told.all.contains(.lost(tasks[0].runID, .cancelled)))
    #expect(told.all.contains(.refused(tasks[1].runID, "cancelled")))
  }
}

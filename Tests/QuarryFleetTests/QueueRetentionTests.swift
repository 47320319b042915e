import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Nothing is kept for ever, nothing goes while its job runs, and the counters stay true.
@Suite(.timeLimit(.minutes(5))) struct QueueRetentionTests {
  private func finish(_ bench: QueueBench, _ job: String, children: Int, dying: Int = 0) async throws {
    try await bench.submit(job)
    try await bench.run("w", emitting: (0..<children + dying).map { "http://\(job)/\($0)" })
    try await bench.admit()
    for _ in 0..<dying { try await bench.fail(try await bench.one("w"), .unrunnable, "w") }
    for _ in 0..<children { try await bench.run("w") }
    try await bench.settleAll()
  }

  private func reap(_ bench: QueueBench, _ change: (inout Retention) -> Void) async throws {
    var retention = Retention()
    change(&retention)
    _ = try await bench.queue.reap(limit: 10, term: 0, retention: retention, requestID: UUIDv7.make())
  }

  @Test func oldTasksOfFinishedJobsGoByAgeAndOnlyThose() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await finish(bench, "old", children: 4, dying: 2)
    #expect(try await bench.status("old").isFinished)
    try await bench.submit("running")
    try await bench.run("w", emitting: ["http://a/1"])
    try await bench.advance(.seconds(86_500))
    try await reap(bench) { _ in }
    #expect(try await bench.queue.listTasks(jobID: "old", limit: 100).map(\.state) == [.dead, .dead])
    #expect(try await bench.queue.listTasks(jobID: "running", limit: 100).count == 1)
    var status = try await bench.status("old")
    #expect(status.done == 5 && status.dead == 2 && status.rootState == "done")
    #expect(try await bench.census().isEmpty)
    try await bench.advance(.seconds(30 * 86_400))
    try await reap(bench) { _ in }
    #expect(try await bench.queue.jobs(limit: 10).map(\.jobID) == ["running"])
    status = try await bench.status("running")
    #expect(status.done == 1)
    try await bench.admit()
    try await bench.join("w")
    #expect(try await bench.claim("w").count == 1)
  }

  /// Nothing to let go of is no reason for the reaper to fail.
  @Test func aJobWithoutDeadTasksGoesToo() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await finish(bench, "job", children: 1)
    try await bench.advance(.seconds(31 * 86_400))
    for _ in 0..<2 { try await reap(bench) { _ in } }
    #expect(try await bench.queue.jobs(limit: 10).isEmpty)
  }

  @Test func overTheNumberTheOldestGoFirst() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await finish(bench, "first", children: 3, dying: 3)
    try await finish(bench, "second", children: 3, dying: 3)
    try await reap(bench) {
      $0.doneCount = 6
      $0.deadCount = 5
    }
    #expect(try await bench.queue.listTasks(jobID: "first", state: .done, limit: 10).count == 2)
    #expect(try await bench.queue.listTasks(jobID: "first", state: .dead, limit: 10).count == 2)
    #expect(try await bench.queue.listTasks(jobID: "second", limit: 10).count == 7)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aTrimmedJobLeavesNoKeyWithoutAnEnd() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await finish(bench, "gone", children: 3, dying: 1)
    try await bench.queue.leave(workerID: "w")
    try await bench.advance(.seconds(31 * 86_400))
    for _ in 0..<3 { try await reap(bench) { _ in } }
    let keys =
      try await bench.raw.send(["KEYS", .text("quarry:{\(bench.fleet)}:*")]).elements?.compactMap(\.text) ?? []
    var lasting: [String] = []
    for key in keys where try await bench.raw.send(["PTTL", .text(key)]).int == -1 {
      lasting.append(String(key.dropFirst("quarry:{\(bench.fleet)}:".count)))
    }
    let wake = "wake:work:\(QueueBench.storage.text)"
    #expect(Set(lasting).isSubset(of: ["meta", "events", "notifications", "wake:admit", wake]), "\(lasting)")
  }
}

import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Who is served next: lanes, jobs and hosts, and hosts that must not be asked now.
@Suite(.timeLimit(.minutes(5))) struct QueueFairnessTests {
  /// A job whose root has emitted tasks on these hosts; the root stays leased.
  private func fill(_ bench: QueueBench, _ job: String, _ urls: [String], lane: String? = nil) async throws {
    try await bench.submit(job, lane: "high")
    let root = try await bench.one("filler")
    #expect(root.jobID == job)
    try await bench.emit(urls.enumerated().map { bench.work($0, $1, lane: lane) }, by: root, "filler")
    while try await bench.admit() > 0 {}
  }

  private func bench() async throws -> QueueBench {
    let bench = try await QueueBench.make()
    try await bench.join("filler")
    try await bench.join("w")
    return bench
  }

  @Test func jobsOfALaneAreServedInTurnHoweverMuchTheyHold() async throws {
    let bench = try await bench()
    try await fill(bench, "big", (0..<50).map { "http://h\($0 % 10)/\($0)" })
    try await fill(bench, "small", (0..<5).map { "http://h0/\($0)" })
    let order = try await bench.claim("w", 10).map(\.jobID)
    #expect(order.filter { $0 == "small" }.count == 5, "\(order)")
    #expect(try await bench.census().isEmpty)
  }

  @Test func hostsOfAJobAreServedInTurn() async throws {
    let bench = try await bench()
    let urls = (0..<20).map { "http://crowded/\($0)" } + ["http://b/", "http://c/", "http://d/"]
    try await fill(bench, "job", urls)
    let first = try await bench.claim("w", 4)
    var hosts: Set<String> = []
    for task in first { hosts.insert(try #require(try await bench.queue.task(task.taskID)?.task.host)) }
    #expect(hosts == ["crowded", "b", "c", "d"])
  }

  @Test func highGoesFirstAndLowIsNeverStarved() async throws {
    let bench = try await bench()
    for job in ["high", "default", "low"] { try await bench.submit(job) }
    for root in try await bench.claim("filler", 3) {
      try await bench.emit(
        (0..<60).map { bench.work($0, "http://\(root.jobID)/\($0)", lane: root.jobID) }, by: root, "filler")
    }
    try await bench.admit()
    let order = try await bench.claim("w", 48).map(\.jobID)
    let counts = Dictionary(grouping: order, by: \.self).mapValues(\.count)
    #expect(counts == ["low": 3, "default": 12, "high": 33])
  }

  @Test func aHostNeverHasMoreTasksThanSlotsAndBlocksNoOther() async throws {
    let bench = try await bench()
    try await fill(bench, "one", (0..<6).map { "http://busy/\($0)" } + ["http://free/1"])
    _ = try await bench.raw.send(["HSET", .text(bench.queue.keys.host("busy")), "slots", "2"])
    let first = try await bench.claim("w", 10)
    #expect(first.count == 3)
    #expect(try await bench.claim("w").isEmpty)
    let busy = try await bench.queue.listTasks(state: .ready, limit: 10)
    #expect(busy.count == 4)
    let waiting = try #require(try await bench.queue.task(busy[0].taskID))
    #expect(waiting.gate == .hostSlots && waiting.gateUntil != nil)
    #expect(try await bench.census().isEmpty)
    // A slot that gets free opens the host in the same step: the completion itself hands out the next task.
    var onBusy: TaskAssignment?
    for task in first where try await bench.queue.task(task.taskID)?.task.host == "busy" { onBusy = task }
    guard case .accepted(_, let next?) = try await bench.complete(try #require(onBusy), "w", next: true) else {
      Issue.record("refused")
      return
    }
    #expect(next.tasks.count == 1)
    #expect(try await bench.claim("w").isEmpty)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aHostWithSpacingIsClosedFromTheClaimAndSpacedFromTheStart() async throws {
    let bench = try await bench()
    try await fill(bench, "one", (0..<3).map { "http://slow/\($0)" })
    try await fill(bench, "two", (0..<3).map { "http://slow/x\($0)" }, lane: "low")
    _ = try await bench.raw.send(["HSET", .text(bench.queue.keys.host("slow")), "gap_ms", "5000"])
    let first = try await bench.claim("w", 5)
    #expect(first.count == 1)
    try await bench.advance(.seconds(10))
    #expect(try await bench.claim("w").isEmpty, "not started: its spacing has not begun")
    try await bench.queue.started(first[0], workerID: "w", requestID: "1")
    let answer = try await bench.queue.claim(workerID: "w", count: 5, requestID: "2")
    #expect(answer.tasks.isEmpty)
    #expect((4_000...5_000).contains(try #require(answer.nextDueMilliseconds)))
    let waiting = try #require(try await bench.queue.listTasks(state: .ready, limit: 1).first)
    #expect(try await bench.queue.task(waiting.taskID)?.gate == .hostDelay)
    #expect(try await bench.census().isEmpty)
    try await bench.advance(.seconds(5))
    #expect(try await bench.claim("w", 5).count == 1)
    // A claim that never starts gives the host back at once.
    let held = try await bench.queue.listTasks(state: .leased, limit: 10).filter {
      $0.startedAt == nil && $0.host == "slow"
    }
    #expect(held.count == 1)
    try await bench.queue.leave(workerID: "w")
    try await bench.join("v")
    #expect(try await bench.claim("v", 5).count == 1)
  }

  @Test func aHostThatRefusesIsLeftAloneAndOthersGoOn() async throws {
    let bench = try await bench()
    try await fill(bench, "job", ["http://angry/1", "http://angry/2", "http://kind/1"])
    var claimed = try await bench.claim("w", 1)
    while try await bench.queue.task(claimed[0].taskID)?.task.host != "angry" {
      claimed = try await bench.claim("w", 1)
    }
    #expect(
      try await bench.queue.fail(
        claimed[0], .blocked, reason: "429", atLeast: .seconds(7), workerID: "w", requestID: "1"
      ).next == "scheduled")
    for task in try await bench.claim("w", 5) { #expect(try await bench.queue.task(task.taskID)?.task.host == "kind") }
    #expect(try await bench.census().isEmpty)
    try await bench.advance(.seconds(10))
    #expect(try await bench.claim("w", 5).count == 2)
  }

  @Test func nothingIsHandedOutWhilePaused() async throws {
    let bench = try await bench()
    try await bench.submit()
    _ = try await bench.raw.send(["HSET", .text(bench.meta), "paused", "1"])
    let answer = try await bench.queue.claim(workerID: "w", count: 1, requestID: "1")
    #expect(answer.isPaused && answer.tasks.isEmpty)
    #expect(try await bench.queue.task("job-root")?.gate == .paused)
    _ = try await bench.raw.send(["HSET", .text(bench.meta), "paused", "0"])
    #expect(try await bench.claim("w").count == 1)
  }

  @Test(
    arguments: [
      ("http://User:pw@Example.COM:8080/x?y", "example.com"), ("https://[::1]:8443/", "[::1]"), ("ftp://h", "h"),
      ("not a url", nil), ("http:///x", nil), ("//x", nil),
    ] as [(String, String?)])
  func theHostOfAUrlHasNoPortAndNoUser(_ url: String, _ host: String?) {
    #expect(WorkHost.of(params: ["url": .string(url)]) == host)
  }
}

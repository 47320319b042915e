import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Hosts that must not be visited now, and jobs that have as much as they may. Times are long, so that a slow machine
/// changes nothing.
@Suite(.timeLimit(.minutes(5))) struct QueuePolitenessTests {
  private func bench() async throws -> QueueBench {
    let bench = try await QueueBench.make(LeaseTiming(lease: .seconds(600), heartbeat: .seconds(200)))
    for worker in ["filler", "w"] { try await bench.join(worker) }
    return bench
  }

  /// A job whose root has emitted work for these addresses; the root stays leased.
  private func fill(
    _ bench: QueueBench, _ job: String, _ urls: [String], lane: String? = nil,
    _ change: (inout JobRequest) -> Void = { _ in }
  ) async throws {
    try await bench.submit(job, lane: "high") {
      $0.timing = LeaseTiming(lease: .seconds(600), heartbeat: .seconds(200))
      change(&$0)
    }
    try await bench.skipTurns()
    let root = try await bench.one("filler")
    #expect(root.jobID == job)
    try await bench.start(root, "filler")
    try await bench.emit(urls.enumerated().map { bench.work($0, $1, lane: lane) }, by: root, "filler")
    while try await bench.admit() > 0 {}
  }

  private func pages(_ count: Int, on host: String) -> [String] { (0..<count).map { "http://\(host)/\($0)" } }

  /// Of the tasks that wait, the first one on the host.
  private func waiting(_ bench: QueueBench, on host: String) async throws -> TaskDetail {
    let task = try #require(try await bench.queue.listTasks(state: .ready, host: host, limit: 1).first)
    return try #require(try await bench.queue.task(task.taskID))
  }

  @Test func aLargeQueueIsLookedAtInPart() async throws {
    let bench = try await bench()
    try await fill(bench, "wide", (0..<300).map { "http://host-\($0)/" })
    let part = try await bench.queue.queueView(hosts: 50, leases: 10)
    // The fiftieth is that of the root, which has no host.
    #expect(part.hosts.count == 49 && part.hasMoreHosts)
    #expect(part.lanes.map(\.lane) == ["high", "default", "low"])
    #expect(part.lanes.map(\.ready) == [0, 49, 0] && part.lanes.map(\.openHosts) == [0, 300, 0])
    #expect(part.leaseCount == 1 && part.leases.map(\.taskID) == ["wide-root"])
    let whole = try await bench.queue.queueView(hosts: 500, leases: 10)
    #expect(whole.lanes.map(\.ready) == [0, 300, 0] && !whole.hasMoreHosts)
  }

  private func until(_ detail: TaskDetail, after now: Int64) throws -> Int64 {
    try #require(detail.gateUntil).nanoseconds / 1_000_000 - now
  }

  // MARK: slots

  @Test func aHostNeverHasMoreTasksThanSlotsAndBlocksNoOther() async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(6, on: "busy") + ["http://free/1"]) { $0.politeness.hostConcurrency = 2 }
    let first = try await bench.claim("w", 10)
    #expect(first.count == 3)
    #expect(try await bench.claim("w").isEmpty)
    let detail = try await waiting(bench, on: "busy")
    #expect(detail.gate == .hostSlots && detail.gateUntil != nil)
    #expect(try await bench.census().isEmpty)
  }

  @Test(arguments: ["complete", "fail", "release", "expire", "leave"])
  func aSlotThatGetsFreeOpensTheHostInTheSameStep(_ end: String) async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(4, on: "busy")) { $0.politeness.hostConcurrency = 1 }
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    #expect(try await bench.claim("w").isEmpty)
    switch end {
    case "complete":
      guard case .accepted(_, let next?) = try await bench.complete(task, "w", next: true) else {
        Issue.record("refused")
        return
      }
      #expect(next.tasks.count == 1)
      #expect(try await bench.claim("w").isEmpty)
    case "fail": try await bench.fail(task, .app, "w")
    case "release": try await bench.fail(task, .release, "w")
    case "leave": try await bench.queue.leave(workerID: "w")
    default:
      try await bench.advance(.seconds(601))
      #expect(try await bench.reap() == 2)
    }
    if end != "complete" {
      try await bench.join("v")
      #expect(try await bench.claim("v", 5).filter { $0.depth == 1 }.count == 1)
    }
    #expect(try await bench.census().isEmpty)
  }

  @Test func boundsCountTheTasksOfAllJobsAndTheStrictestHolds() async throws {
    let bench = try await bench()
    try await fill(bench, "free", pages(5, on: "shared"))
    try await fill(bench, "two", pages(2, on: "shared")) { $0.politeness.hostConcurrency = 2 }
    try await fill(bench, "three", pages(2, on: "shared")) { $0.politeness.hostConcurrency = 3 }
    #expect(try await bench.claim("w", 10).count == 2)
    #expect(try await bench.claim("w", 10).isEmpty)
    try await bench.set(bench.meta, ["host_slots": 1])
    let leased = try await bench.queue.listTasks(state: .leased, host: "shared", limit: 10)
    #expect(leased.count == 2)
    try await bench.queue.leave(workerID: "w")
    try await bench.join("v")
    #expect(try await bench.claim("v", 10).count == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aJobThatIsOverBindsItsHostsNoLonger() async throws {
    let bench = try await bench()
    try await bench.submit("strict", host: "shared") { $0.politeness.hostDelay = .seconds(7_200) }
    try await bench.run("w")
    try await bench.submit("free", host: "shared")
    #expect(try await bench.claim("w").isEmpty)
    #expect(try await bench.gate("free-root") == .hostDelay)
    try await bench.settleAll()
    #expect(try await bench.status("strict").isFinished)
    try await bench.reap()
    #expect(try await bench.claim("w").map(\.jobID) == ["free"])
  }

  @Test func boundsThatChangeWhileWorkGoesOnHold() async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(9, on: "busy"))
    let two = try await bench.claim("w", 2)
    #expect(two.count == 2)
    // Lower: nothing more starts, although the host stands open.
    try await bench.set(bench.queue.keys.job("job"), ["host_slots": 2])
    #expect(try await bench.claim("w", 3).isEmpty)
    #expect(try await waiting(bench, on: "busy").gate == .hostSlots)
    // Higher: as soon as a task of the host ends.
    try await bench.set(bench.queue.keys.job("job"), ["host_slots": 4])
    try await bench.complete(two[0], "w")
    #expect(try await bench.claim("w", 9).count == 3)
    // None at all.
    try await bench.set(bench.queue.keys.job("job"), ["host_slots": 0])
    try await bench.complete(two[1], "w")
    #expect(try await bench.claim("w", 9).count == 4)
    #expect(try await bench.census().isEmpty)
  }

  // MARK: spacing

  @Test func aHostWithSpacingIsClosedFromTheClaimAndSpacedFromTheStart() async throws {
    let bench = try await bench()
    try await fill(bench, "one", pages(3, on: "slow")) { $0.politeness.hostDelay = .seconds(3_600) }
    try await fill(bench, "two", ["http://slow/x", "http://slow/y"], lane: "low")
    let first = try await bench.claim("w", 5)
    #expect(first.count == 1)
    try await bench.advance(.seconds(300))
    #expect(try await bench.claim("w").isEmpty, "not started: its spacing has not begun")
    #expect(try await waiting(bench, on: "slow").gate == .hostStarting)
    let before = try await bench.now()
    try await bench.start(first[0], "w")
    let answer = try await bench.queue.claim(workerID: "w", count: 5, requestID: "2")
    #expect(answer.tasks.isEmpty)
    #expect((1...3_600_000).contains(try #require(answer.nextDueMilliseconds)))
    let detail = try await waiting(bench, on: "slow")
    #expect(detail.gate == .hostDelay)
    #expect(try until(detail, after: before) >= 3_600_000)
    #expect(try await bench.census().isEmpty)
    try await bench.complete(first[0], "w")
    #expect(try await bench.claim("w").isEmpty, "its end opens nothing")
    try await bench.advance(.seconds(3_600))
    #expect(try await bench.claim("w", 5).count == 1)
  }

  @Test func aClaimThatItsWorkerGivesBackUnbegunOpensTheHostAtOnce() async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(3, on: "slow")) { $0.politeness.hostDelay = .seconds(3_600) }
    for _ in 0..<3 { try await bench.fail(try await bench.one("w"), .release, "w") }
    let begun = try await bench.one("w")
    _ = try await bench.queue.fail(
      begun, .release, reason: "", hasBegun: true, workerID: "w", requestID: UUIDv7.make())
    #expect(try await bench.claim("w").isEmpty, "it had begun, though Redis was never told of its start")
  }

  @Test func aClaimOfADeadWorkerCountsAsAStartSinceNobodyKnows() async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(3, on: "slow")) { $0.politeness.hostDelay = .seconds(3_600) }
    _ = try await bench.one("w")
    try await bench.advance(.seconds(601))
    try await bench.reap()
    #expect(try await bench.claim("w").allSatisfy { $0.depth == 0 })
    #expect(try await waiting(bench, on: "slow").gate == .hostDelay)
    try await bench.advance(.seconds(3_600))
    #expect(try await bench.claim("w", 5).filter { $0.depth == 1 }.count == 1)
  }

  @Test func aShorterSpacingReachesHostsThatWait() async throws {
    let bench = try await bench()
    let hosts = (0..<230).map { "h\($0)" }
    try await fill(bench, "job", hosts.flatMap { pages(2, on: $0) }) { $0.politeness.hostDelay = .seconds(36_000) }
    for task in try await bench.claim("w", 500) { try await bench.start(task, "w") }
    try await bench.advance(.seconds(60))
    #expect(try await bench.claim("w", 500).isEmpty)
    try await bench.set(bench.queue.keys.job("job"), ["host_gap_ms": 1_000])
    _ = try await bench.raw.send(["HSET", .text(bench.meta), "asking", "1 -inf"])
    for _ in 0..<8 { try await bench.reap() }
    #expect(try await bench.claim("w", 500).count == 230)
    #expect(try await bench.raw.send(["HGET", .text(bench.meta), "asking"]).text == nil)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aScheduledTaskThatIsDueStillWaitsForItsHost() async throws {
    let bench = try await bench()
    try await fill(bench, "job", ["http://slow/now"]) { $0.politeness.hostDelay = .seconds(3_600) }
    let root = try #require(try await bench.queue.listTasks(state: .leased, limit: 1).first)
    #expect(root.depth == 0)
    let task = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://slow/later", delay: 1_000)], by: task, "w")
    try await bench.admit()
    try await bench.start(task, "w")
    try await bench.complete(task, "w", emitted: 1)
    try await bench.advance(.seconds(10))
    #expect(try await bench.claim("w").isEmpty)
    #expect(try await waiting(bench, on: "slow").gate == .hostDelay)
    try await bench.advance(.seconds(3_600))
    #expect(try await bench.claim("w").count == 1)
  }

  // MARK: what hosts say

  @Test func aHostThatAsksToBeLeftAloneIs() async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(3, on: "tired") + ["http://fresh/1"])
    var task = try await bench.one("w")
    if try await bench.host(task) != "tired" { task = try await bench.one("w") }
    let before = try await bench.now()
    try await bench.complete(task, "w", hosts: [HostNote(host: "TIRED:8080", wait: .seconds(1_000))])
    for other in try await bench.claim("w", 5) { #expect(try await bench.host(other) == "fresh") }
    let detail = try await waiting(bench, on: "tired")
    #expect(detail.gate == .hostBackoff)
    #expect(try until(detail, after: before) >= 1_000_000)
    #expect(try await bench.census().isEmpty)
    try await bench.advance(.seconds(1_001))
    #expect(try await bench.claim("w", 5).count == 2)
  }

  @Test func aRefusedTaskIsTriedAgainAfterWhatTheSiteAskedForAndAnotherHostIsNotBlamed() async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(2, on: "own"))
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    let before = try await bench.now()
    try await bench.fail(
      task, .blocked, "w", hosts: [HostNote(host: "login.test", hasRefused: true, wait: .seconds(5_000))])
    let due = try #require(try await bench.queue.task(task.taskID)?.task.dueAt).nanoseconds / 1_000_000
    #expect(due >= before + 5_000_000 && due <= before + 5_000_000 + 600_000)
    #expect(try await bench.claim("w", 5).count == 1)
  }

  @Test func refusalsDoubleTheRestOncePerEpisodeAndAnswersHalveIt() async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(12, on: "angry")) {
      $0.retries.blockBase = .seconds(1_000)
      $0.retries.blocks = 30
    }
    let together = try await bench.claim("w", 4)
    for task in together { try await bench.start(task, "w") }
    try await bench.advance(.seconds(1))
    for task in together { try await bench.fail(task, .blocked, "w") }
    // One episode, whatever the number of runs that were under way; then one task at a time.
    for (rest, answer) in [(1_000, false), (2_000, false), (4_000, true), (0, true), (0, true)] {
      if rest > 0 {
        try await bench.advance(.seconds(rest - 500))
        #expect(try await bench.claim("w").isEmpty, "\(rest)")
        #expect(try await waiting(bench, on: "angry").gate == .hostBackoff)
        try await bench.advance(.seconds(501))
      }
      let tasks = try await bench.claim("w", 5)
      #expect(tasks.count == 1, "\(rest)")
      let task = try #require(tasks.first)
      #expect(try await bench.claim("w", 5).isEmpty)
      #expect(try await waiting(bench, on: "angry").gate == .hostBackoff)
      try await bench.start(task, "w")
      if answer { try await bench.complete(task, "w") } else { try await bench.fail(task, .blocked, "w") }
    }
    // Three answers have made up for three refusals.
    #expect(try await bench.claim("w", 5).count == 5)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aScriptThatAsksForAnotherProxyBlamesNoHost() async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(3, on: "fine"))
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    #expect(try await bench.fail(task, .blocked, "w", hosts: []).next == "scheduled")
    #expect(try await bench.queue.task(task.taskID)?.task.blocks == 1)
    #expect(try await bench.claim("w", 5).count == 2)
  }

  @Test func aCrawlDelayThatAScriptReportsSpacesTheHostForAllJobs() async throws {
    let bench = try await bench()
    try await fill(bench, "reports", pages(3, on: "shop"))
    try await fill(bench, "other", ["http://shop/other"])
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    try await bench.complete(task, "w", hosts: [HostNote(host: "shop", hasAnswered: true, crawlDelay: .seconds(700))])
    let next = try await bench.claim("w", 5)
    #expect(next.count == 1)
    try await bench.start(try #require(next.first), "w")
    #expect(try await bench.claim("w", 5).isEmpty)
    #expect(try await waiting(bench, on: "shop").gate == .hostDelay)
    try await bench.advance(.seconds(701))
    let last = try await bench.claim("w", 5)
    #expect(last.count == 1)
    try await bench.start(try #require(last.first), "w")
    // What robots.txt says no longer holds no longer.
    try await bench.complete(
      try #require(last.first), "w", hosts: [HostNote(host: "shop", hasAnswered: true, crawlDelay: .zero)])
    #expect(try await bench.claim("w", 5).count == 1)
  }

  @Test func anAutoThrottledHostIsSpacedByItsLatency() async throws {
    let bench = try await bench()
    try await fill(bench, "job", pages(9, on: "slow")) { $0.politeness.autoThrottle = true }
    try await fill(bench, "careless", pages(3, on: "elsewhere"))
    func visit(_ latency: Int, isRefusal: Bool = false) async throws -> Int64 {
      var task = try await bench.one("w")
      while try await bench.host(task) != "slow" { task = try await bench.one("w") }
      try await bench.start(task, "w")
      let note = HostNote(host: "", hasRefused: isRefusal, hasAnswered: !isRefusal, latency: .milliseconds(latency))
      if isRefusal {
        try await bench.fail(task, .blocked, "w", hosts: [note])
      } else {
        try await bench.complete(task, "w", hosts: [note])
      }
      let gap = try await bench.raw.send(["HGET", .text(bench.queue.keys.host("slow")), "throttle_ms"]).int ?? 0
      try await bench.advance(.seconds(90))
      return gap
    }
    #expect(try await visit(40_000) == 40_000)
    #expect(try await visit(10_000) == 25_000, "faster: half of the way")
    #expect(try await visit(5, isRefusal: true) == 25_000, "a refusal never brings starts closer")
    #expect(try await visit(500_000) == 60_000, "a minute at most")
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    #expect(try await bench.claim("w", 5).isEmpty)
    #expect(try await waiting(bench, on: "slow").gate == .hostDelay)
  }

  // MARK: jobs

  @Test func aJobRunsNoMoreTasksThanItMayAndOthersGoOn() async throws {
    let bench = try await bench()
    try await fill(bench, "small", (0..<6).map { "http://s\($0)/" }) { $0.politeness.jobConcurrency = 3 }
    try await fill(bench, "large", (0..<6).map { "http://l\($0)/" })
    let first = try await bench.claim("w", 20)
    #expect(first.filter { $0.jobID == "small" }.count == 2, "its root runs too")
    #expect(first.filter { $0.jobID == "large" }.count == 6)
    let task = try #require(try await bench.queue.listTasks(jobID: "small", state: .ready, limit: 1).first)
    #expect(try await bench.gate(task.taskID) == .jobSlots)
    #expect(try await bench.census().isEmpty)
    let own = first.filter { $0.jobID == "small" }
    guard case .accepted(_, let next?) = try await bench.complete(own[0], "w", next: true) else {
      Issue.record("refused")
      return
    }
    #expect(next.tasks.map(\.jobID) == ["small"])
    #expect(try await bench.claim("w", 9).isEmpty)
    try await bench.fail(own[1], .release, "w")
    #expect(try await bench.claim("w", 9).map(\.jobID) == ["small"])
    #expect(try await bench.census().isEmpty)
  }

  @Test func aJobHasNoMorePagesOfAHostThanItMay() async throws {
    let bench = try await bench()
    try await bench.submit("job", host: "big") { $0.politeness.hostMaxPages = 3 }
    let root = try await bench.one("w")
    let urls = pages(5, on: "big") + ["http://big/0"] + pages(2, on: "small")
    try await bench.emit(urls.enumerated().map { bench.work($0, $1) }, by: root, "w")
    try await bench.admit()
    let status = try await bench.status()
    #expect(status.admitted == 5 && status.duplicates == 1 && status.cutByHostPages == 3 && status.outbox == 0)
    // A retry is no new page.
    let task = try await bench.one("w")
    try await bench.fail(task, .app, "w")
    #expect(try await bench.status().admitted == 5)
    try await bench.set(bench.queue.keys.job("job"), ["host_max_pages": 4])
    try await bench.emit([bench.work(8, "http://big/8"), bench.work(9, "http://big/9")], by: root, "w")
    try await bench.admit()
    #expect(try await bench.status().admitted == 6)
    #expect(try await bench.census().isEmpty)
  }

  @Test func closedHostsAreNotTouchedByAClaim() async throws {
    let bench = try await bench()
    try await fill(bench, "job", (0..<300).flatMap { pages(2, on: "h\($0)") }) { $0.politeness.hostConcurrency = 1 }
    #expect(try await bench.claim("w", 300).count == 300)
    let open = try await bench.raw.send(["EXISTS", .text("quarry:{\(bench.fleet)}:open:default:job")])
    #expect(open.int == 0)
    try await fill(bench, "late", ["http://free/"])
    #expect(try await bench.claim("w", 5).map(\.jobID) == ["late"])
  }
}

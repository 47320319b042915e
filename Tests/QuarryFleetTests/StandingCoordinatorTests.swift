import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Coordinators that serve what is submitted.
@Suite(.timeLimit(.minutes(5))) struct StandingCoordinatorTests {
  private func push(_ lines: [String], _ queue: FleetQueue) async throws {
    for line in lines { try await queue.push(line: line) }
  }

  /// Runs a standing coordinator and a worker beside the body.
  private func serving(
    _ fixture: CrawlFixture, _ body: @escaping @Sendable (FleetQueue) async throws -> Void
  ) async throws {
    let coordinator = try await fixture.coordinator(fixture.request(), task: .serve)
    let worker = try await fixture.worker("w1", fixture.tree(pages: 7))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        let summary = try await coordinator.run()
        #expect(summary == nil)
      }
      group.addTask { _ = try await worker.run() }
      try await body(try await fixture.queue("program"))
      coordinator.interrupt()
      worker.drain()
      try await group.waitForAll()
    }
  }

  @Test func takesAnyNumberOfJobsAndTheSameKeyOnce() async throws {
    let fixture = try CrawlFixture()
    try await serving(fixture) { queue in
      let line = #"{"script":"page.ts","params":{"n":0},"key":"mine"}"#
      let id = SubmissionLine.jobID(forKey: "mine")
      try await push([line, #"{"script":"page.ts","params":{"n":3}}"#, line], queue)
      try await fixture.notices.wait { notices in
        let isKnown = notices.contains { if case .known(id, _, _) = $0 { true } else { false } }
        return isKnown && notices.count { if case .jobFinished = $0 { true } else { false } } == 2
      }
      let jobs = try await queue.jobs(limit: 9)
      #expect(jobs.count == 2 && jobs.contains { $0.jobID == id && $0.status.done == 7 })
      #expect(try await queue.rejects(limit: 9).isEmpty)
    }
  }

  /// Looked for as repaired text it would never be found: taken again and again, by every coordinator, for ever.
  @Test func aLineThatIsNotTextIsRejectedOnce() async throws {
    let fixture = try CrawlFixture()
    try await serving(fixture) { queue in
      let raw = try await RedisConnection.connect(RedisEndpoint(url: fixture.redis.url))
      for part in [#"{"script":"page.ts","key":""#, #"{"script":"page.ts","params":{"u":""#] {
        let line = Array(part.utf8) + [0xFF] + Array(#""}"#.utf8)
        _ = try await raw.send(["RPUSH", .text(queue.keys.submissions), .bytes(line)])
      }
      try await push([#"{"script":"page.ts","params":{"n":6},"key":"after"}"#], queue)
      try await fixture.waitUntilFinished(SubmissionLine.jobID(forKey: "after"))
      let rejects = try await queue.rejects(limit: 9)
      #expect(rejects.map(\.reason) == ["not UTF-8", "not UTF-8"])
      #expect(rejects.allSatisfy { $0.line.contains("\u{FFFD}") })
      #expect(try await queue.jobs(limit: 9).count == 1)
      #expect(try await queue.fleetView().waitingSubmissions == 0)
    }
  }

  @Test func whatCanBeNoJobIsRejectedWithItsReason() async throws {
    let fixture = try CrawlFixture()
    try await serving(fixture) { queue in
      let lines = [
        "no json", #"{"script":"page.ts","depht":3}"#, #"{"script":"../etc/passwd"}"#,
        #"{"script":"page.ts","lane":"fast"}"#,
        #"{"script":"page.ts","key":"k","params":{"n":6}}"#, #"{"script":"page.ts","key":"k","params":{"n":5}}"#,
      ]
      try await push(lines, queue)
      try await fixture.notices.wait { notices in
        notices.count { if case .submissionRejected = $0 { true } else { false } } == 5
      }
      let rejects = try await queue.rejects(limit: 9).reversed()
      #expect(rejects.count == 5)
      for (reject, (line, reason)) in zip(
        rejects, zip([0, 1, 2, 3, 5].map { lines[$0] }, ["not JSON", "depht", "page.ts", "fast", "another --job"]))
      {
        #expect(reject.line == line || line == lines[2], "\(reject)")
        #expect(reject.reason.contains(reason) || line == lines[2], "\(reject)")
      }
      #expect(try await queue.jobs(limit: 9).map(\.jobID) == [SubmissionLine.jobID(forKey: "k")])
    }
  }

  @Test func aSubmissionWaitsForAStorageThatIsFull() async throws {
    let fixture = try CrawlFixture()
    fixture.ledger.refuse(jobs: ["late"])
    try await serving(fixture) { queue in
      func waitForHealth(_ isAsked: (String?) -> Bool) async throws {
        while try await !isAsked(queue.fleetView().leaderHealth) { try await Task.sleep(for: .milliseconds(20)) }
      }
      try await queue.push(line: #"{"script":"page.ts","job_id":"late","params":{"n":6}}"#)
      try await waitForHealth { $0?.hasPrefix("a submission waits, since its job cannot be recorded: ") == true }
      fixture.ledger.refuse(jobs: [])
      try await fixture.waitUntilFinished("late")
      try await waitForHealth { $0 == nil }
    }
    #expect(fixture.notices.all.contains { if case .submissionWaits = $0 { true } else { false } })
    let kinds = try fixture.ledger.kinds("late")
    #expect(kinds.first == "job" && kinds.count { $0 == "job" } == 1)
  }

  @Test func anotherTakesOverWhenTheLeaderIsGone() async throws {
    let fixture = try CrawlFixture()
    let queue = try await fixture.queue("c1")
    let first = try await fixture.coordinator(fixture.request(), id: "c1", task: .serve, queue: queue)
    let second = try await fixture.coordinator(fixture.request(), id: "c2", task: .serve)
    let worker = try await fixture.worker("w1", fixture.tree(pages: 7))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await first.run() }
      try await fixture.notices.wait { $0.contains(.leading(term: 1)) }
      group.addTask { _ = try await second.run() }
      group.addTask { _ = try await worker.run() }
      try await fixture.notices.wait { $0.contains(.following(leader: "c1")) }
      queue.close()  // From here on nothing of this coordinator reaches Redis, as if it were killed.
      try await fixture.notices.wait { $0.contains(.leading(term: 2)) }
      try await fixture.queue("program").push(line: #"{"script":"page.ts","job_id":"after","params":{"n":0}}"#)
      try await fixture.waitUntilFinished("after")
      for coordinator in [first, second] { coordinator.interrupt() }
      worker.drain()
      try await group.waitForAll()
    }
  }
}

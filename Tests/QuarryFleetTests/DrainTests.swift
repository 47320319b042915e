import QuarryCore
import QuarryFleet
import Testing

/// A worker that is told to stop ends, whatever is away.
@Suite(.timeLimit(.minutes(5))) struct DrainTests {
  /// Holds one run of a job whose lease outlasts the test.
  private func holding(_ fixture: CrawlFixture, _ body: @escaping CrawlFixture.Body) async throws -> FleetWorker {
    try await fixture.submit { $0.timing = LeaseTiming(lease: .seconds(600), heartbeat: .seconds(200)) }
    return try await fixture.worker(
      "w1", slots: 1, drainTimeout: .milliseconds(50), releaseTimeout: .milliseconds(200), body)
  }

  enum Outage: CaseIterable, Sendable {
    case hung, gone

    func begin(_ fixture: CrawlFixture) {
      switch self {
      case .hung: fixture.redis.pause()
      case .gone: fixture.redis.kill()
      }
    }
  }

  @Test(arguments: Outage.allCases) func itsTimeoutForcesTheEndWhileRedisIsAway(_ outage: Outage) async throws {
    let fixture = try CrawlFixture()
    let worker = try await holding(fixture) { task, _, control in
      fixture.succeeded.add(task.runID)
      control.waitForStop()
      return .failed(.crash, reason: "stopped", RunFigures(outcome: .executorCrash))
    }
    async let end = worker.run()
    try await fixture.succeeded.wait(for: 1)
    outage.begin(fixture)
    worker.drain()
    #expect(try await end == .abandoned(held: 1, unsettled: 0))
    #expect(fixture.workerNotices.all.contains(.abandoning(held: 1, unsettled: 0)))
  }

  @Test(arguments: Outage.allCases) func anIdleWorkerThatCannotSignOffHasNotDrained(_ outage: Outage) async throws {
    let fixture = try CrawlFixture()
    let worker = try await holding(fixture, fixture.tree(pages: 1))
    async let end = worker.run()
    // Its only task is done and recorded, and it waits for the next.
    try await fixture.waitUntilFinished("job")
    outage.begin(fixture)
    worker.drain()
    #expect(try await end == .abandoned(held: 0, unsettled: 0))
  }

  @Test func aScriptThatWaitsForTheOutboxIsLetGo() async throws {
    let fixture = try CrawlFixture()
    let worker = try await holding(fixture) { task, derived, _ in
      fixture.succeeded.add(task.runID)
      // Redis is away by then, so this blocks sooner or later, as a script that enqueues does.
      for index in 0... {
        do throws(QuarryError) {
          try derived.accept(DerivedWork(index: index, target: "page.ts", params: #"{"n":\#(index)}"#))
        } catch { break }
        if index == 0 { fixture.redis.pause() }
      }
      return .failed(.crash, reason: "stopped", RunFigures(outcome: .executorCrash))
    }
    async let end = worker.run()
    try await fixture.succeeded.wait(for: 1)
    worker.drain()
    #expect(try await end == .abandoned(held: 1, unsettled: 0))
  }

  @Test func itsTimeoutForcesTheEndWhileTheLedgerRefuses() async throws {
    let fixture = try CrawlFixture()
    fixture.ledger.refuse(jobs: ["job"])
    let worker = try await holding(fixture, fixture.tree(pages: 1))
    async let end = worker.run()
    try await fixture.workerNotices.wait { notices in
      notices.contains { if case .paused = $0 { true } else { false } }
    }
    worker.drain()
    #expect(try await end == .abandoned(held: 0, unsettled: 1))
    // Redis was there, so it was told, and has what is left to record.
    let queue = try await fixture.queue("reader")
    #expect(try await queue.workers().isEmpty)
    #expect(try await queue.pendingEntries(olderThan: .zero, limit: 10).count == 1)
  }

  @Test func whatIsStoppedGoesBackWhenRedisIsThere() async throws {
    let fixture = try CrawlFixture()
    let worker = try await holding(fixture) { task, _, control in
      fixture.succeeded.add(task.runID)
      control.waitForStop()
      return .failed(.crash, reason: "stopped", RunFigures(outcome: .executorCrash))
    }
    async let end = worker.run()
    try await fixture.succeeded.wait(for: 1)
    worker.drain()
    #expect(try await end == .drained)
    #expect(try await fixture.queue("reader").status(jobID: "job").ready == 1)
  }

  @Test func aSecondSignalEndsItWhileRedisHangs() async throws {
    let fixture = try CrawlFixture()
    try await fixture.submit { $0.timing = LeaseTiming(lease: .seconds(600), heartbeat: .seconds(200)) }
    let worker = try await fixture.worker("w1", drainTimeout: .seconds(3_600)) { task, _, control in
      fixture.succeeded.add(task.runID)
      control.waitForStop()
      return .failed(.crash, reason: "stopped", RunFigures(outcome: .executorCrash))
    }
    async let end = worker.run()
    try await fixture.succeeded.wait(for: 1)
    fixture.redis.pause()
    worker.drain()
    try await fixture.workerNotices.wait { $0.contains(.draining(held: 1, .seconds(3_600))) }
    worker.kill()
    #expect(try await end == .killed)
  }
}

import QuarryCore
import QuarryFleet
import Testing

/// The ledger gets each record once, job by job, and its refusals hold up nothing else.
@Suite(.timeLimit(.minutes(5))) struct SettlingTests {
  @Test func aJobWhoseLedgerRefusesHoldsUpNoOther() async throws {
    let fixture = try CrawlFixture()
    fixture.ledger.refuse(jobs: ["bad"])
    // The refused one sorts first.
    for job in ["bad", "good"] { try await fixture.submit(job) }
    let worker = try await fixture.worker("w1", slots: 2, fixture.tree(pages: 1))
    async let end = worker.run()
    try await fixture.waitUntilFinished("good")
    #expect(try fixture.ledger.kinds("good") == ["accepted"])
    #expect(try fixture.ledger.kinds("bad").isEmpty)
    fixture.ledger.refuse(jobs: [])
    try await fixture.waitUntilFinished("bad")
    #expect(try fixture.ledger.kinds("bad") == ["accepted"])
    #expect(try fixture.ledger.kinds("good") == ["accepted"])
    worker.drain()
    #expect(try await end == .drained)
  }

  @Test func expiredLeasesAreTakenBackWhileTheLedgerRefuses() async throws {
    let fixture = try CrawlFixture()
    fixture.ledger.refuse(jobs: ["ended", "lost"])
    let gone = try await fixture.queue("gone")
    try await gone.join(
      WorkerPresence(workerID: "gone", host: "h", pid: 1, slots: 2, storage: fixture.storage, startedAt: .now()))
    for job in ["ended", "lost"] {
      try await fixture.submit(job) { $0.timing = LeaseTiming(lease: .seconds(1), heartbeat: .milliseconds(200)) }
    }
    // One of its tasks has an end that nobody can record, the other a lease that nobody renews.
    for task in try await gone.claim(workerID: "gone", count: 2, requestID: "c").tasks where task.jobID == "ended" {
      _ = try await gone.complete(
        [RunCompletion(task: task, figures: RunFigures(outcome: .success))], workerID: "gone", requestID: "e")
    }
    let worker = try await fixture.worker("w1", releaseTimeout: .milliseconds(200)) { task, _, _ in
      fixture.succeeded.add(task.jobID)
      return .accepted(RunFigures(outcome: .success))
    }
    async let end = worker.run()
    try await fixture.workerNotices.wait { notices in
      notices.contains { if case .leftoversRefused = $0 { true } else { false } }
    }
    try await fixture.succeeded.wait { $0.contains("lost") }
    worker.kill()
    #expect(try await end == .killed)
  }

  // MARK: one `job` record for each job

  @Test func aJobThatIsSubmittedAgainGetsNoSecondRecord() async throws {
    let fixture = try CrawlFixture()
    let request = fixture.request { $0.jobID = "again" }
    let worker = try await fixture.worker("w1", fixture.tree(pages: 3))
    async let end = worker.run()
    #expect(try await fixture.coordinator(request).summary().exitCode == 0)
    worker.drain()
    #expect(try await end == .drained)
    let lines = try fixture.ledger.kinds("again")
    let second = try await fixture.coordinator(request, id: "c2").summary()
    #expect(second.status.done == 3 && second.exitCode == 0)
    #expect(try fixture.ledger.kinds("again") == lines)

    // Redis has forgotten it; its results are in the ledger.
    try fixture.redis.restart()
    let third = try await fixture.coordinator(request, id: "c3")
    let error = await #expect(throws: QuarryError.self) { try await third.summary() }
    #expect(error?.kind == .usage && error?.message.contains("ran before") == true)
    #expect(try fixture.ledger.kinds("again") == lines)
  }

  @Test func aSubmissionThatDiedHalfwayIsFinishedWithTheRootThatTheLedgerNames() async throws {
    let fixture = try CrawlFixture()
    let record = JobRecord(
      root: WorkRecord(target: "page.ts", params: #"{"n":0}"#), rootTaskID: "first-root", depth: 50, maxRuns: nil,
      policy: "strict", storage: fixture.storage, scripts: [:])
    try fixture.ledger.append(
      LedgerLine.encode(.job(record), jobID: "half", time: .now()), fleet: "test", jobID: "half")
    let worker = try await fixture.worker("w1", fixture.tree(pages: 1))
    async let end = worker.run()
    let summary = try await fixture.coordinator(fixture.request { $0.jobID = "half" }).summary()
    worker.drain()
    #expect(try await end == .drained)
    #expect(summary.exitCode == 0)
    #expect(try fixture.ledger.kinds("half") == ["job", "accepted"])
    #expect(try fixture.jobLedger("half").accepted.keys.sorted() == ["first-root"])
  }

  enum BadRequest: CaseIterable, Sendable {
    case jobID, heartbeat, parameters, source

    func change(_ request: inout JobRequest) {
      switch self {
      case .jobID: request.jobID = "a:b"
      // One lost renewal would lose the task.
      case .heartbeat: request.timing = LeaseTiming(lease: .seconds(10), heartbeat: .milliseconds(5_001))
      case .parameters: request.params = #"{"page":"\#(String(repeating: "x", count: WorkRecord.limit))"}"#
      case .source: request.source = "_fleet"
      }
    }
  }

  @Test(arguments: BadRequest.allCases) func aRequestThatCannotBeIsRefusedBeforeItsRecord(_ bad: BadRequest)
    async throws
  {
    let fixture = try CrawlFixture()
    let request = fixture.request { request in
      request.jobID = "job"
      bad.change(&request)
    }
    let coordinator = try await fixture.coordinator(request)
    let error = await #expect(throws: QuarryError.self) { try await coordinator.summary() }
    #expect(error?.kind == .usage, "\(String(describing: error))")
    #expect(try fixture.ledger.kinds(request.jobID ?? "").isEmpty)
  }
}

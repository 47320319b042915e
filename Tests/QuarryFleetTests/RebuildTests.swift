import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Jobs that come back from their ledgers after Redis has lost everything.
@Suite(.timeLimit(.minutes(5))) struct RebuildTests {
  private func flush(_ fixture: CrawlFixture) async throws {
    _ = try await RedisConnection(try RedisEndpoint(url: fixture.redis.url)).send(["FLUSHALL"])
  }

  private func rebuilder(_ fixture: CrawlFixture, _ jobs: [String], id: String) async throws -> FleetCoordinator {
    let request = fixture.request()
    return try await fixture.coordinator(
      request, id: id, task: .rebuild(jobs, fixture.storage, request.retries, request.timing))
  }

  /// Crawls until `count` runs were accepted and recorded while one more goes on; then Redis loses all.
  private func loseHalfWay(
    _ fixture: CrawlFixture, _ request: JobRequest, after count: Int, _ body: @escaping CrawlFixture.Body
  ) async throws -> JobStatus {
    let isLost = Gate()
    let coordinator = try await fixture.coordinator(request)
    let worker = try await fixture.worker("w1", slots: 1) { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= count { isLost.wait() }
      return try body(task, derived, control)
    }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await #expect(throws: QuarryError.self) { try await worker.run() } }
      group.addTask {
        let error = await #expect(throws: QuarryError.self) { try await coordinator.run() }
        #expect(error?.kind == .fleet, "the command ends with 3")
      }
      try await fixture.waitUntil("job") {
        $0.done == count && $0.unsettled == 0 && $0.outbox == 0 && $0.unpublished == 0 && $0.leased == 1
      }
      let status = try await fixture.queue("reader").status(jobID: "job")
      try await flush(fixture)
      isLost.open()
      try await group.waitForAll()
      return status
    }
  }

  /// What the fleet counts after a rebuild, before anybody runs anything.
  private func rebuilt(_ fixture: CrawlFixture) async throws -> JobStatus {
    let coordinator = try await rebuilder(fixture, ["job"], id: "c2")
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await coordinator.run() }
      try await fixture.notices.wait { $0.contains { if case .resumed = $0 { true } else { false } } }
      let queue = try await fixture.queue("reader")
      let status = try await queue.status(jobID: "job")
      #expect(try await Census.take(queue).isEmpty)
      coordinator.interrupt()
      try await group.waitForAll()
      return status
    }
  }

  @Test(arguments: [nil, 20] as [Int?])
  func dedupBoundsAndCountersComeOutExactly(maxRuns: Int?) async throws {
    let fixture = try CrawlFixture()
    let request = fixture.request {
      $0.jobID = "job"
      $0.depth = 4
      $0.maxRuns = maxRuns
    }
    let before = try await loseHalfWay(fixture, request, after: 16, fixture.tree(pages: 63))
    let after = try await rebuilt(fixture)
    #expect(after.done == 16 && after.ready == before.ready + before.leased)
    #expect(after.admitted == before.admitted && after.duplicates == before.duplicates)
    #expect(after.cutByDepth == before.cutByDepth && after.cutByMaxRuns == before.cutByMaxRuns)
    #expect(after.rootState == "done" && !after.isFinished)
  }

  @Test func aRebuiltJobEndsWithExactlyWhatItWouldHaveHad() async throws {
    let fixture = try CrawlFixture()
    let tree = fixture.tree(pages: 63)
    let request = fixture.request {
      $0.jobID = "job"
      $0.retries.attempts = 1
    }
    let body: CrawlFixture.Body = { task, derived, control throws(QuarryError) in
      guard CrawlFixture.number(of: task) != 4 else {
        return .failed(.app, reason: "always", RunFigures(outcome: .scriptError))
      }
      return try tree(task, derived, control)
    }
    _ = try await loseHalfWay(fixture, request, after: 20, body)
    let lost = try fixture.jobLedger("job")
    let coordinator = try await rebuilder(fixture, ["job"], id: "c2")
    let worker = try await fixture.worker("w2", body)
    let summary = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await worker.run() }
      let summary = try await coordinator.summary()
      worker.drain()
      try await group.waitForAll()
      return summary
    }
    let ledger = try fixture.jobLedger("job")
    // Page 4 dies, and with it all that only it leads to.
    let below = Set((0..<63).filter { page in sequence(first: page) { $0 == 0 ? nil : ($0 - 1) / 2 }.contains(4) })
    #expect(summary.status.done == 63 - below.count && summary.status.dead == 1)
    let pages = ledger.accepted.values.map { CrawlFixture.number(of: $0.task.work.params) }
    #expect(Set(pages) == Set(0..<63).subtracting(below) && pages.count == 63 - below.count)
    #expect(lost.acceptedRunIDs.isSubset(of: ledger.acceptedRunIDs), "what counted before counts still")
    #expect(ledger.superseded.isEmpty)
  }

  @Test func aLiveJobIsLeftAloneAndOneThatHasEndedToo() async throws {
    let fixture = try CrawlFixture()
    try await fixture.submit()
    let live = try await rebuilder(fixture, ["job"], id: "c1")
    let worker = try await fixture.worker("w1", fixture.tree(pages: 7))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await worker.run() }
      #expect(try await live.summary().status.done == 7)
      worker.drain()
      try await group.waitForAll()
    }
    #expect(fixture.notices.all.contains(.notRebuilt(jobID: "job", .goesOn)))
  }

  /// Somebody took the job's own key away while it ran: nothing of it runs until it is brought back, and then it ends as it
  /// would have.
  @Test func aJobWhoseKeyIsMissingComesBack() async throws {
    let fixture = try CrawlFixture()
    let request = fixture.request { $0.jobID = "job" }
    let tree = fixture.tree(pages: 31)
    let isGone = Gate()
    let worker = try await fixture.worker("w1", slots: 2) { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= 8 { isGone.wait() }
      return try tree(task, derived, control)
    }
    let coordinator = try await fixture.coordinator(request)
    let queue = try await fixture.queue("reader")
    let summary = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await worker.run() }
      async let end = #expect(throws: QuarryError.self) { try await coordinator.run() }
      try await fixture.waitUntil("job") { $0.done >= 8 && $0.unsettled == 0 && $0.outbox == 0 && $0.leased == 2 }
      let raw = RedisConnection(try RedisEndpoint(url: fixture.redis.url))
      _ = try await raw.send(["DEL", .text(queue.keys.job("job"))])
      isGone.open()
      let error = await end
      #expect(error?.message.contains("has no job 'job'") == true)
      #expect(error?.remedy?.contains("--rebuild --resume job") == true)
      let summary = try await rebuilder(fixture, ["job"], id: "c2").summary()
      worker.drain()
      try await group.waitForAll()
      return summary
    }
    #expect(summary.status.done == 31 && summary.status.dead == 0)
    let pages = try fixture.jobLedger("job").accepted.values.map { CrawlFixture.number(of: $0.task.work.params) }
    #expect(pages.sorted() == Array(0..<31))
    #expect(try await Census.take(queue).isEmpty)
  }

  @Test func deadTasksOfAJobThatRedisHasLetGoAreStillRequeued() async throws {
    let fixture = try CrawlFixture()
    let tree = fixture.tree(pages: 15)
    let request = fixture.request {
      $0.jobID = "job"
      $0.retries.attempts = 1
    }
    let isFixed = Recorder<Bool>()
    let coordinator = try await fixture.coordinator(request)
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      guard CrawlFixture.number(of: task) == 3, isFixed.count == 0 else {
        return try tree(task, derived, control)
      }
      return .failed(.app, reason: "broken", RunFigures(outcome: .scriptError))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await worker.run() }
      #expect(try await coordinator.summary().status.dead == 1)
      let queue = try await fixture.queue("person")
      let connection = RedisConnection(try RedisEndpoint(url: fixture.redis.url))
      _ = try await connection.send(["DEL", .text(queue.keys.fingerprints("job"))])
      let requeuer = LedgerRequeue(
        queue: queue, ledger: fixture.ledger, storage: fixture.storage, retries: request.retries,
        timing: request.timing)
      let unknown = await #expect(throws: QuarryError.self) {
        try await requeuer.requeue("nope", RequeueFilter(), onlyLooks: true)
      }
      #expect(unknown?.message.contains("no job 'nope'") == true)
      #expect(try await requeuer.requeue("job", RequeueFilter(error: "nope"), onlyLooks: false).isEmpty)
      #expect(try await requeuer.requeue("job", RequeueFilter(error: "broken"), onlyLooks: true).count == 1)
      #expect(try fixture.jobLedger("job").dead.count == 1)
      isFixed.add(true)
      #expect(try await requeuer.requeue("job", RequeueFilter(error: "broken"), onlyLooks: false).count == 1)
      let again = try await fixture.coordinator(request, id: "c2", task: .resume("job", fixture.storage)).summary()
      #expect(again.status.done == 15 && again.status.dead == 0)
      worker.drain()
      try await group.waitForAll()
    }
    let ledger = try fixture.jobLedger("job")
    #expect(ledger.accepted.count == 15 && ledger.dead.isEmpty && ledger.superseded.isEmpty)
  }
}

extension CrawlFixture {
  fileprivate static func number(of params: String) -> Int {
    Int((try? JSONParser.parse(params))?["n"]?.integer ?? -1)
  }
}

import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Nothing counts that does not come from the current claim: epoch, owner and run id each matter.
@Suite(.timeLimit(.minutes(5))) struct QueueFencingTests {
  enum Forgery: CaseIterable, Sendable { case epoch, owner, run }

  /// The claim of worker `w` with one thing wrong, and who shows it.
  private func forge(_ task: TaskAssignment, _ forgery: Forgery) -> (TaskAssignment, String) {
    var forged = task
    switch forgery {
    case .epoch: forged.epoch -= 1
    case .run: forged.runID = UUIDv7.make()
    case .owner: return (task, "thief")
    }
    return (forged, "w")
  }

  @Test(arguments: Forgery.allCases)
  func aForgedClaimMovesNothing(_ forgery: Forgery) async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.join("thief")
    try await bench.submit()
    let task = try await bench.one("w")
    let (forged, worker) = forge(task, forgery)
    #expect(try await bench.start(forged, worker) == .refused("stale"))
    #expect(try await bench.emit([bench.work(0, "http://a/")], by: forged, worker) == .refused("stale"))
    #expect(try await bench.complete(forged, worker) == .refused("stale"))
    #expect(try await bench.fail(forged, .app, worker) == FailAnswer(next: "stale"))
    #expect(try await bench.queue.renew([forged], age: .zero, workerID: worker, requestID: "2").lost == [forged.runID])
    let detail = try #require(try await bench.queue.task(task.taskID)).task
    #expect(detail.state == .leased && detail.attempt == 0 && detail.startedAt == nil)
    #expect(try await bench.status().outbox == 0)
    #expect(try await bench.census().isEmpty)
    guard case .accepted = try await bench.complete(task, "w") else {
      Issue.record("the true claim is refused")
      return
    }
  }

  @Test func afterTheTaskRanElsewhereTheFirstRunIsSuperseded() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("a")
    try await bench.join("b")
    try await bench.submit()
    let first = try await bench.one("a")
    try await bench.advance(.seconds(31))
    #expect(try await bench.reap() == 1)
    let second = try await bench.one("b")
    #expect(second.epoch > first.epoch)
    #expect(try await bench.emit([bench.work(0, "http://a/")], by: first, "a") == .refused("stale"))
    #expect(try await bench.complete(first, "a") == .refused("stale"))
    guard case .accepted = try await bench.complete(second, "b") else {
      Issue.record("refused")
      return
    }
    #expect(try await bench.complete(first, "a") == .refused("stale"))
    #expect(try await bench.emit([bench.work(0, "http://a/")], by: second, "b") == .refused("ended"))
    #expect(try await bench.fail(second, .app, "b") == FailAnswer(next: "ended"))
    let status = try await bench.status()
    #expect(status.done == 1 && status.unsettled == 1)
  }

  @Test func epochsAreNeverBelowTheTimeAndAlwaysGrow() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    var last: Int64 = 1_700_000_000_000
    for _ in 0..<5 {
      let task = try await bench.one("w")
      #expect(task.epoch > last)
      last = task.epoch
      try await bench.fail(task, .release, "w")
    }
    // A clock that is set back: the fleet's time stands, and the epoch grows by one.
    try await bench.advance(.seconds(3_600))
    let ahead = try await bench.one("w")
    try await bench.fail(ahead, .release, "w")
    _ = try await bench.raw.send(["HSET", .text(bench.meta), "shift", "0"])
    let after = try await bench.one("w")
    #expect(after.epoch > ahead.epoch)
  }

  @Test func anotherGenerationIsRefusedEverywhereAndNothingIsReportedFinished() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    for lost in [true, false] {
      if lost {
        _ = try await bench.raw.send(["DEL", .text(bench.meta)])
      } else {
        _ = try await bench.raw.send(["HSET", .text(bench.meta), "generation", "another"])
      }
      await expectLost { try await bench.submit("other") }
      await expectLost { try await bench.claim("w") }
      await expectLost { try await bench.start(task, "w") }
      await expectLost { try await bench.emit([bench.work(0, "http://a/")], by: task, "w") }
      await expectLost { try await bench.complete(task, "w") }
      await expectLost { try await bench.fail(task, .app, "w") }
      await expectLost { try await bench.queue.renew([task], age: .zero, workerID: "w", requestID: "1") }
      await expectLost { try await bench.admit() }
      await expectLost { try await bench.reap() }
      await expectLost {
        try await bench.queue.settle(
          [PendingEntry(id: "x", jobID: "job", entry: .requeued(taskID: "x"))], requestID: "1")
      }
      await expectLost { try await bench.status() }
      await expectLost { try await bench.queue.takeTerm(coordinatorID: "c", lasting: .seconds(5)) }
      #expect(try await bench.raw.send(["EXISTS", .text("quarry:{\(bench.fleet)}:job:other")]).int == 0)
    }
  }

  private func expectLost(_ call: () async throws -> some Any, line: Int = #line) async {
    do {
      _ = try await call()
      Issue.record("line \(line): not refused")
    } catch { #expect((error as? QuarryError)?.kind == .fleet, "line \(line): \(error)") }
  }

  @Test func scriptsAndSwiftNameTheSameKeys() async throws {
    let bench = try await QueueBench.make()
    let keys = bench.queue.keys
    let script =
      Script.keyNames + """
        return {META, EVENTS, NOTIFICATIONS, SUBMISSIONS, REJECTS, OUTBOX, ADMITTER_WAKE, JOBS, WORKERS, SCHEDULED, LEASES,
          UNSETTLED, TASK .. 'x', JOB .. 'x', WORKER .. 'x', HOST .. 'x', key('index', 'x', 'ready'), key('ready', 'low', 'x', 'y'),
          key('prints', 'x'), key('wake:work', 'x')}
        """
    let names = try await bench.raw.send(["EVAL", .text(script), "1", .text(keys.meta)]).elements?.compactMap(\.text)
    #expect(
      names == [
        keys.meta, keys.events, keys.notifications, keys.submissions, keys.rejects, keys.outbox, keys.admitterWake,
        keys.jobs,
        keys.workers, keys.scheduled, keys.leases, keys.unsettled, keys.task("x"), keys.job("x"), keys.worker("x"),
        keys.host("x"), keys.index("x", .ready), keys.ready("low", "x", "y"), keys.fingerprints("x"),
        keys.workerWake("x"),
      ])
    for name in ["", "a:b", "{a}", "a b", "ä", String(repeating: "a", count: 65)] {
      #expect(throws: QuarryError.self) { try Keys(fleet: name) }
    }
  }

  @Test func aFleetIsFoundOnlyWhereItIs() async throws {
    let bench = try await QueueBench.make()
    let found = try await FleetQueue.find(bench.raw, fleet: bench.fleet)
    #expect(found?.generation == bench.queue.generation)
    let nowhere = try await FleetQueue.find(bench.raw, fleet: "nowhere")
    #expect(nowhere == nil)
    #expect(try await bench.raw.send(["EXISTS", "quarry:{nowhere}:meta"]).int == 0)
  }

  @Test(arguments: [nil, "1", "999"])
  func aFleetOfAnotherLayoutIsRefusedWithBothVersionsAndWhatToDo(_ layout: String?) async throws {
    let bench = try await QueueBench.make()
    let own = try #require(try await bench.raw.send(["HGET", .text(bench.meta), "layout"]).text)
    _ = try await bench.raw.send(["HDEL", .text(bench.meta), "layout"])
    _ = try await bench.raw.send(["HSET", .text(bench.meta), "version", "0.0.9"])
    if let layout { _ = try await bench.raw.send(["HSET", .text(bench.meta), "layout", .text(layout)]) }
    let flags = FleetFlags(fleet: " --fleet \(bench.fleet)")
    func expectRefused(_ join: () async throws -> Void) async {
      do {
        try await join()
        Issue.record("not refused")
      } catch {
        #expect((error as? QuarryError)?.kind == .usage)
        for part in [
          "made by quarry 0.0.9 with layout \(layout ?? "1") ", "quarry \(Version.current), which has layout \(own)",
          "quarry coordinator --rebuild --fleet \(bench.fleet)",
        ] { #expect("\(error)".contains(part), "\(error)") }
      }
    }
    await expectRefused { _ = try await FleetQueue.open(bench.raw, fleet: bench.fleet, actor: "late", flags: flags) }
    await expectRefused { _ = try await FleetQueue.find(bench.raw, fleet: bench.fleet, flags: flags) }
    let generation = try await bench.raw.send(["HGET", .text(bench.meta), "generation"]).text
    #expect(generation == bench.queue.generation)
  }
}

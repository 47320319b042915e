import QuarryCore
import QuarryFleet
import Testing

/// Whole crawls: worker and coordinator over a real Redis.
@Suite(.timeLimit(.minutes(5))) struct CrawlTests {
  @Test func twoWorkersFinishACrawlWithExactCounts() async throws {
    let fixture = try CrawlFixture()
    let coordinator = try await fixture.coordinator(fixture.request())
    let workers = [
      try await fixture.worker("w1", fixture.tree(pages: 63)), try await fixture.worker("w2", fixture.tree(pages: 63)),
    ]
    let summary = try await crawl(coordinator, workers)
    #expect(summary.exitCode == 0)
    try expectExact(fixture, summary, pages: 63)
    #expect(fixture.succeeded.count == 63)
    #expect(fixture.published.count == 63)
    let root = try #require(try fixture.jobLedger(summary.jobID).accepted.values.first { $0.task.depth == 0 })
    #expect(root.children.map(\.params) == [#"{"n":1}"#, #"{"n":2}"#])
  }

  @Test func maxRunsAndDepthBoundTheCrawl() async throws {
    let fixture = try CrawlFixture()
    let bounded = try await fixture.coordinator(fixture.request { $0.maxRuns = 10 })
    let summary = try await crawl(bounded, [try await fixture.worker("w1", fixture.tree(pages: 63))])
    try expectExact(fixture, summary, pages: 10)

    let shallow = try CrawlFixture()
    let coordinator = try await shallow.coordinator(shallow.request { $0.depth = 2 })
    let result = try await crawl(coordinator, [try await shallow.worker("w1", shallow.tree(pages: 63))])
    try expectExact(shallow, result, pages: 7)
  }

  @Test func aPageThatFailsOnceIsTriedAgainAndOneThatAlwaysFailsEndsDead() async throws {
    let fixture = try CrawlFixture()
    let tree = fixture.tree(pages: 15)
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      switch CrawlFixture.number(of: task) {
      case 3 where task.attempt == 1: return .failed(.app, reason: "once", RunFigures(outcome: .scriptError))
      case 8: return .failed(.app, reason: "always\nat line 3", RunFigures(outcome: .scriptError))
      default: return try tree(task, derived, control)
      }
    }
    let coordinator = try await fixture.coordinator(fixture.request { $0.retries.attempts = 2 }, allowedDead: 1)
    let summary = try await crawl(coordinator, [worker])
    try expectExact(fixture, summary, pages: 14)
    #expect(summary.status.dead == 1)
    #expect(summary.status.retried == 2)
    #expect(summary.deaths.map(\.error) == ["always"])
    #expect(summary.exitCode == 0)
    let ledger = try fixture.jobLedger(summary.jobID)
    #expect(ledger.dead.values.map(\.failure) == ["app"])
    #expect(ledger.dead.values.map(\.task.work.params) == [#"{"n":8}"#])
  }

  @Test func theSameJobIDAgainIsFollowedAndAnotherWorkUnderItIsRefused() async throws {
    let fixture = try CrawlFixture()
    let request = fixture.request { $0.jobID = "mine" }
    let first = try await crawl(
      try await fixture.coordinator(request), [try await fixture.worker("w1", fixture.tree(pages: 7))])
    #expect(first.exitCode == 0)
    let lines = try fixture.ledger.records(fleet: "test", jobID: "mine")

    var deeper = request
    deeper.depth = 3
    let again = try await fixture.coordinator(deeper, id: "c2").summary()
    #expect(again.status.done == 7)
    #expect(fixture.notices.all.contains(.known(jobID: "mine", fleet: "test", ignored: ["--depth"])))

    var other = request
    other.params = #"{"n":1}"#
    await #expect {
      try await fixture.coordinator(other, id: "c3").summary()
    } throws: { error in
      let error = error as? QuarryError
      return error?.kind == .usage && error?.message == "job 'mine' is known already, with another --job"
    }
    #expect(try fixture.ledger.records(fleet: "test", jobID: "mine") == lines, "nothing was recorded again")
  }

  @Test func aTargetOutsideTheRootIsDeadAtOnceAndNotRun() async throws {
    let fixture = try CrawlFixture()
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      try derived.accept(DerivedWork(index: 0, target: "../../etc/passwd", params: "{}"))
      fixture.succeeded.add(task.runID)
      return .accepted(RunFigures(outcome: .success))
    }
    let summary = try await crawl(try await fixture.coordinator(fixture.request()), [worker])
    #expect(summary.status.done == 1)
    #expect(summary.status.dead == 1)
    #expect(summary.exitCode == 1)
    #expect(fixture.succeeded.count == 1)
    #expect(summary.deaths.first?.kind == "unrunnable")
    #expect(summary.deaths.first?.error.contains("outside the script root") == true)
  }

  @Test func aWorkerThatVanishesCostsNothing() async throws {
    let fixture = try CrawlFixture()
    let tree = fixture.tree(pages: 31)
    let stuck = Recorder<String>()
    let queue = try await fixture.queue("w1")
    let vanishing = try await fixture.worker("w1", slots: 3, queue: queue) {
      task, derived, control throws(QuarryError) in
      guard stuck.count < 3, task.depth > 1 else { return try tree(task, derived, control) }
      stuck.add(task.taskID)
      control.waitForStop()
      return .failed(.crash, reason: "killed", RunFigures(outcome: .executorCrash))
    }
    let first = Task { () throws -> WorkerEnd in try await vanishing.run() }
    let coordinator = try await fixture.coordinator(fixture.request())
    let second = try await fixture.worker("w2", tree)
    let summary = try await crawl(coordinator, [second]) {
      try await stuck.wait(for: 3)
      queue.close()  // From here on nothing of this worker reaches Redis, as if it were killed.
      vanishing.kill()
    }
    #expect(try await first.value == .killed)
    #expect(summary.exitCode == 0)
    try expectExact(fixture, summary, pages: 31)
  }

  @Test func aDrainLetsRunsEndAndGivesTheRestBack() async throws {
    let fixture = try CrawlFixture()
    let tree = fixture.tree(pages: 15)
    let held = Recorder<String>()
    let leaving = try await fixture.worker("w1", slots: 2, drainTimeout: .milliseconds(300)) {
      task, derived, control throws(QuarryError) in
      guard task.depth > 0 else { return try tree(task, derived, control) }
      held.add(task.taskID)
      control.waitForStop()
      return .failed(.crash, reason: "stopped", RunFigures(outcome: .executorCrash))
    }
    let coordinator = try await fixture.coordinator(fixture.request { $0.timing = LeaseTiming() })
    let summary = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await leaving.run() }
      let second = try await fixture.worker("w2", tree)
      group.addTask {
        try await held.wait(for: 2)
        leaving.drain()
        try await fixture.workerNotices.wait { $0.contains(.down(workerID: "w1")) }
        try await second.run()
      }
      let summary = try await coordinator.summary()
      second.drain()
      try await group.waitForAll()
      return summary
    }
    // With a lease of 30 s the crawl could not be over by now if the tasks had not been given back.
    try expectExact(fixture, summary, pages: 15)
    #expect(summary.status.retried == 0)
    let ledger = try fixture.jobLedger(summary.jobID)
    #expect(ledger.accepted.values.allSatisfy { $0.task.attempt <= 2 })
  }

  @Test func whatALostLeaseEmitsAndCompletesNeverCounts() async throws {
    let fixture = try CrawlFixture()
    let sleeper = try await fixture.queue("w1")
    try await sleeper.join(
      WorkerPresence(workerID: "w1", host: "h", pid: 1, slots: 1, storage: fixture.storage, startedAt: .now()))
    let claimed = Recorder<TaskAssignment>()
    let second = try await fixture.worker("w2", fixture.tree(pages: 3))
    let coordinator = try await fixture.coordinator(fixture.request())
    let summary = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        // Claims the root and sleeps over its lease; only then another worker comes.
        while claimed.count == 0 {
          try await sleeper.waitForWork(upTo: .seconds(5))
          try await sleeper.claim(workerID: "w1", count: 1, requestID: UUIDv7.make()).tasks.forEach(claimed.add)
        }
        try await second.run()
      }
      let summary = try await coordinator.summary()
      second.drain()
      try await group.waitForAll()
      return summary
    }
    let task = try #require(claimed.all.first)
    let emitted = try await sleeper.emit(
      [DerivedWork(index: 0, target: "page.ts", params: #"{"n":99}"#)], by: task, workerID: "w1", requestID: "r1")
    let completed = try await sleeper.complete(
      [RunCompletion(task: task, figures: RunFigures(outcome: .success), emitted: 0, notification: "{}")],
      workerID: "w1", requestID: "r2")
    guard case .refused = emitted, case .refused = completed[0] else {
      Issue.record("taken: \(emitted), \(completed)")
      return
    }
    try expectExact(fixture, summary, pages: 3)
    #expect(try !fixture.jobLedger(summary.jobID).acceptedRunIDs.contains(task.runID))
  }

  @Test func redisMayRestartInTheMiddle() async throws {
    let fixture = try CrawlFixture(appendOnly: true)
    let tree = fixture.tree(pages: 63)
    let (restarted, restartedAgain) = (Gate(), Gate())
    let worker = try await fixture.worker("w1", slots: 2) { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= 15 { restarted.wait() }
      if fixture.succeeded.count >= 30 { restartedAgain.wait() }
      return try tree(task, derived, control)
    }
    let summary = try await crawl(try await fixture.coordinator(fixture.request()), [worker]) {
      for (runs, gate) in [(15, restarted), (30, restartedAgain)] {
        try await fixture.succeeded.wait(for: runs)
        try fixture.redis.restart()
        gate.open()
      }
    }
    #expect(summary.exitCode == 0)
    try expectExact(fixture, summary, pages: 63)
  }

  @Test func aLedgerThatRefusesForAWhileOnlyDelays() async throws {
    let fixture = try CrawlFixture()
    let worker = try await fixture.worker("w1", fixture.tree(pages: 7))
    let summary = try await crawl(try await fixture.coordinator(fixture.request()), [worker]) {
      try await fixture.succeeded.wait(for: 1)
      fixture.ledger.refuse(3)
    }
    try expectExact(fixture, summary, pages: 7)
  }

  @Test func aWipedRedisEndsCoordinatorAndWorkerAndNothingIsCalledFinished() async throws {
    let fixture = try CrawlFixture()
    let worker = try await fixture.worker("w1") { task, derived, control throws(QuarryError) in
      fixture.succeeded.add(task.runID)
      control.waitForStop()
      return .failed(.crash, reason: "stopped", RunFigures(outcome: .executorCrash))
    }
    let coordinator = try await fixture.coordinator(fixture.request())
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await #expect(throws: QuarryError.self) { try await worker.run() }
      }
      group.addTask {
        await #expect(throws: Never.self) {
          try await fixture.succeeded.wait(for: 1)
          try fixture.redis.restart()  // Without an append-only file: empty.
        }
      }
      await #expect(throws: QuarryError.self) { try await coordinator.summary() }
    }
    #expect(fixture.published.count == 0)
  }

  @Test func aJobThatItsCoordinatorLeftIsCompletedWhenItIsResumed() async throws {
    let fixture = try CrawlFixture()
    let (tree, hasLeft) = (fixture.tree(pages: 31), Gate())
    let coordinator = try await fixture.coordinator(fixture.request())
    let worker = try await fixture.worker("w1", slots: 1) { task, derived, control throws(QuarryError) in
      if fixture.succeeded.count >= 3 { hasLeft.wait() }
      return try tree(task, derived, control)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await worker.run() }
      group.addTask {
        try await fixture.succeeded.wait(for: 3)
        coordinator.interrupt()
      }
      let left = try await coordinator.summary()
      #expect(left.isInterrupted && left.isHeld)
      #expect(left.exitCode == 1)
      hasLeft.open()
      try await fixture.waitUntil(left.jobID) { $0.ready + $0.leased == 0 && $0.outbox > 0 }
      let held = try await fixture.queue("reader").status(jobID: left.jobID)
      #expect(held.hold == .drain && held.admitted < 31 && !held.isFinished)

      let task = CoordinatorTask.resume(left.jobID, fixture.storage)
      let summary = try await fixture.coordinator(fixture.request(), id: "c2", task: task).summary()
      #expect(summary.exitCode == 0)
      worker.drain()
      try await group.waitForAll()
      #expect(try fixture.jobLedger(summary.jobID).accepted.count == 31)
      #expect(fixture.published.count == 31)
    }
  }

  @Test func aRunOfACancelledJobIsStoppedWithinAHeartbeat() async throws {
    let fixture = try CrawlFixture()
    let tree = fixture.tree(pages: 31)
    let stuck = Recorder<RunControl.StopReason?>()
    let worker = try await fixture.worker("w1", slots: 2) { task, derived, control throws(QuarryError) in
      guard task.depth > 1 else { return try tree(task, derived, control) }
      stuck.add(nil)
      control.waitForStop()
      stuck.add(control.stopReason)
      return .failed(.crash, reason: "killed", RunFigures(outcome: .executorCrash))
    }
    let coordinator = try await fixture.coordinator(fixture.request { $0.jobID = "mine" })
    let summary = try await crawl(coordinator, [worker]) {
      try await stuck.wait(for: 2)
      let queue = try await fixture.queue("person")
      while try await queue.cancel(jobID: "mine").get().waiting > 0 {}
    }
    #expect(summary.exitCode == 1 && summary.status.done == 3 && summary.status.dead == 0)
    #expect(summary.status.admitted == 3 + summary.status.cancelled)
    #expect(stuck.all.compactMap { $0 } == [.cancelled, .cancelled])
    let ledger = try fixture.jobLedger("mine")
    #expect(ledger.accepted.count == 3 && ledger.cancelled.count == summary.status.cancelled)
    #expect(fixture.notices.all.contains(.held(.cancel, jobID: "mine", isFleetPaused: false)))
    #expect(fixture.workerNotices.all.contains { if case .runSuperseded = $0 { true } else { false } })
  }

  @Test func aWorkerThatIsToldToLeaveEndsItsRunsAndIsGone() async throws {
    let fixture = try CrawlFixture()
    let (tree, isTold) = (fixture.tree(pages: 15), Gate())
    let first = try await fixture.worker("w1", slots: 1) { task, derived, control throws(QuarryError) in
      isTold.wait()
      return try tree(task, derived, control)
    }
    let coordinator = try await fixture.coordinator(fixture.request())
    let second = try await fixture.worker("w2", tree)
    let summary = try await crawl(coordinator, [second]) {
      async let end = first.run()
      try await fixture.workerNotices.wait { $0.contains { if case .runStarted = $0 { true } else { false } } }
      _ = try await fixture.queue("person").control(.drain, .worker("w1")).get()
      try await fixture.workerNotices.wait { $0.contains(.dismissed) }
      isTold.open()
      #expect(try await end == .drained)
    }
    try expectExact(fixture, summary, pages: 15)
  }

  @Test func ofTwoCoordinatorsOneLeadsAtATimeAndBothFinish() async throws {
    let fixture = try CrawlFixture()
    let first = try await fixture.coordinator(fixture.request())
    let second = try await fixture.coordinator(fixture.request { $0.params = #"{"n":1000}"# }, id: "c2")
    let worker = try await fixture.worker("w1", fixture.tree(pages: 15))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await worker.run() }
      async let one = first.summary()
      async let two = second.summary()
      let (left, right) = try await (one, two)
      worker.drain()
      try await group.waitForAll()
      #expect(left.exitCode == 0)
      #expect(right.exitCode == 0)
    }
    let terms = fixture.notices.all.compactMap { notice -> Int64? in
      if case .leading(let term) = notice { term } else { nil }
    }
    #expect(Set(terms).count == terms.count)
    #expect(fixture.notices.all.contains { if case .following = $0 { true } else { false } })
  }
}

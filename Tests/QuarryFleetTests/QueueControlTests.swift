import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Pause, drain, cancel, requeue and limits, on a real Redis.
@Suite(.timeLimit(.minutes(5))) struct QueueControlTests {
  private func bench(_ jobs: String...) async throws -> QueueBench {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    for job in jobs { try await bench.submit(job) }
    return bench
  }

  private func gate(_ bench: QueueBench, _ task: String) async throws -> TaskDetail.Gate? {
    try await bench.queue.task(task)?.gate
  }

  private func isPaused(_ bench: QueueBench, _ worker: String) async throws -> Bool {
    try await bench.queue.claim(workerID: worker, count: 1, requestID: UUIDv7.make()).isPaused
  }

  // MARK: holds

  @Test func nothingIsHandedOutWhileTheFleetIsPaused() async throws {
    let bench = try await bench("job")
    let first = try await bench.queue.control(.pause, .fleet).get()
    #expect(first.hasChanged)
    let again = try await bench.queue.control(.pause, .fleet).get()
    #expect(!again.hasChanged && again.version == first.version)
    #expect(try await isPaused(bench, "w"))
    #expect(try await gate(bench, "job-root") == .paused)
    #expect(try await bench.status().isFleetPaused)
    let renewed = try await bench.queue.renew([], age: .zero, workerID: "w", requestID: "r")
    #expect(renewed.controlVersion == first.version)
    #expect(try await bench.queue.control(.resume, .fleet).get().version == first.version + 1)
    #expect(try await bench.one("w").taskID == "job-root")
    #expect(try await bench.census().isEmpty)
  }

  @Test func aPausedJobHoldsUpNoOther() async throws {
    let bench = try await bench("one", "two")
    _ = try await bench.queue.control(.pause, .job("one")).get()
    #expect(try await bench.claim("w", 5).map(\.jobID) == ["two"])
    #expect(try await gate(bench, "one-root") == .paused)
    #expect(try await bench.status("one").hold == .pause)
    #expect(try await bench.census().isEmpty)
    _ = try await bench.queue.control(.resume, .job("one")).get()
    #expect(try await bench.claim("w", 5).map(\.jobID) == ["one"])
    #expect(try await bench.census().isEmpty)
  }

  @Test func workOfAPausedJobWaitsForItsAdmission() async throws {
    let bench = try await bench("one", "two")
    let roots = try await bench.claim("w", 2)
    for root in roots { try await bench.emit([bench.work(0, "http://a/\(root.jobID)")], by: root, "w") }
    _ = try await bench.queue.control(.pause, .job("one")).get()
    try await bench.admit()
    #expect(try await bench.status("two").admitted == 2)
    let held = try await bench.status("one")
    #expect(held.admitted == 1 && held.outbox == 1)
    for root in roots { try await bench.complete(root, "w", emitted: 1) }
    try await bench.settleAll()
    #expect(try await !bench.status("one").isFinished)
    _ = try await bench.queue.control(.resume, .job("one")).get()
    try await bench.admit()
    let resumed = try await bench.status("one")
    #expect(resumed.admitted == 2 && resumed.outbox == 0)
    #expect(Set(try await bench.claim("w", 5).map(\.jobID)) == ["one", "two"])
  }

  @Test func aDrainedJobRunsWhatItHasAndAdmitsNothing() async throws {
    let bench = try await bench("job")
    try await bench.run("w", emitting: ["http://a/1"])
    try await bench.admit()
    _ = try await bench.queue.control(.drain, .job("job")).get()
    try await bench.run("w", emitting: ["http://a/2"])
    try await bench.admit()
    let status = try await bench.status()
    #expect(status.done == 2 && status.outbox == 1 && status.ready == 0 && status.hold == .drain)
    _ = try await bench.queue.control(.resume, .job("job")).get()
    try await bench.admit()
    #expect(try await bench.status().ready == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aPausedWorkerLeavesItsWorkToOthers() async throws {
    let bench = try await bench("job")
    try await bench.join("v")
    _ = try await bench.queue.control(.pause, .worker("w")).get()
    #expect(try await isPaused(bench, "w"))
    #expect(try await bench.one("v").taskID == "job-root")
    _ = try await bench.queue.control(.drain, .worker("w")).get()
    #expect(try await bench.queue.renew([], age: .zero, workerID: "w", requestID: "r").mustDrain)
    guard case .refused(let refusal) = try await bench.queue.control(.resume, .worker("w")) else {
      Issue.record("a worker that leaves was resumed")
      return
    }
    #expect(refusal.reason == "draining")
    guard case .refused(let unknown) = try await bench.queue.control(.pause, .worker("x")) else {
      Issue.record("an unknown worker was paused")
      return
    }
    #expect(unknown.isUnknown)
  }

  // MARK: cancel

  @Test func aTaskThatWaitsIsCancelledAtOnce() async throws {
    let bench = try await bench("job")
    let root = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/1"), bench.work(1, "http://a/2", delay: 60_000)], by: root, "w")
    try await bench.admit()
    try await bench.complete(root, "w", emitted: 2)
    let ready = try #require(try await bench.queue.listTasks(state: .ready, limit: 5).first)
    let scheduled = try #require(try await bench.queue.listTasks(state: .scheduled, limit: 5).first)
    for task in [ready, scheduled] {
      #expect(try await bench.queue.cancel(taskID: task.taskID).get().hasChanged)
      guard case .refused(let refusal) = try await bench.queue.cancel(taskID: task.taskID) else {
        Issue.record("cancelled twice")
        return
      }
      #expect(refusal.reason == "cancelled")
    }
    #expect(try await bench.claim("w").isEmpty)
    #expect(try await bench.census().isEmpty)
    // Nobody has them in hand, so that their records are due at once.
    let entries = try await bench.queue.pendingEntries(olderThan: .seconds(60), limit: 10)
    #expect(entries.map(\.entry.kind) == ["cancelled", "cancelled"])
    #expect(Set(entries.compactMap(\.entry.taskID)) == [ready.taskID, scheduled.taskID])
    try await bench.settleAll()
    let status = try await bench.status()
    #expect(status.isFinished && status.cancelled == 2 && status.done == 1)
  }

  @Test func aCancelBeforeTheCompletionWinsAndKeepsTheSlotUntilTheRunIsOver() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    _ = try await bench.raw.send(["HSET", .text(bench.queue.keys.host("h")), "slots", "1"])
    try await bench.submit("one", host: "h")
    try await bench.submit("two", host: "h")
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    _ = try await bench.queue.cancel(taskID: task.taskID).get()
    #expect(try await gate(bench, task.taskID) == .cancelled)
    #expect(try await bench.claim("w").isEmpty, "its executor still runs")
    #expect(try await bench.emit([bench.work(0, "http://a/")], by: task, "w") == .refused("cancelled"))
    let renewed = try await bench.queue.renew([task], age: .zero, workerID: "w", requestID: "r")
    #expect(renewed.cancelled == [task.runID] && renewed.lost.isEmpty)
    #expect(try await bench.complete(task, "w") == .refused("cancelled"))
    #expect(try await bench.complete(task, "w") == .refused("cancelled"))
    #expect(try await bench.state(task.taskID) == .cancelled)
    #expect(try await bench.claim("w").count == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test(arguments: ["failure", "expiry", "silence", "leaving"])
  func aCancelledRunEndsItsTaskHoweverItEnds(_ end: String) async throws {
    let bench = try await bench("job")
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    _ = try await bench.queue.cancel(taskID: task.taskID).get()
    switch end {
    case "failure": #expect(try await bench.fail(task, .app, "w").next == "cancelled")
    case "expiry":
      try await bench.advance(.seconds(31))
      try await bench.reap()
    case "silence":
      try await bench.advance(.seconds(21))
      _ = try await bench.queue.renew([], age: .zero, workerID: "w", requestID: "r")
    default: try await bench.queue.leave(workerID: "w")
    }
    #expect(try await bench.state(task.taskID) == .cancelled)
    try await bench.settleAll()
    let status = try await bench.status()
    #expect(status.isFinished && status.cancelled == 1 && status.retried == 0 && status.rootState == "cancelled")
    #expect(try await bench.census().isEmpty)
  }

  @Test func aCancelledJobIsFinishedWhenItsRunsAreOver() async throws {
    let bench = try await bench("job", "other")
    let roots = try await bench.claim("w", 2)
    let root = try #require(roots.first { $0.jobID == "job" })
    try await bench.emit((0..<30).map { bench.work($0, "http://h\($0 % 3)/\($0)") }, by: root, "w")
    try await bench.admit(20)
    let first = try await bench.queue.cancel(jobID: "job", atMost: 7).get()
    #expect(first.waiting == 13 && first.running == 1)
    // Whoever asked is gone: the reaper goes on.
    try await bench.reap()
    try await bench.admit()
    let status = try await bench.status()
    #expect(status.cancelled == 20 && status.leased == 1 && status.outbox == 0 && status.discarded == 10)
    #expect(try await bench.claim("w").isEmpty)
    #expect(try await bench.queue.renew(roots, age: .zero, workerID: "w", requestID: "r").cancelled == [root.runID])
    #expect(try await bench.fail(root, .release, "w").next == "cancelled")
    try await bench.settleAll()
    let end = try await bench.status()
    #expect(end.isFinished && end.cancelled == 21 && end.rootState == "cancelled" && end.hold == .cancel)
    guard case .refused(let refusal) = try await bench.queue.cancel(jobID: "job") else {
      Issue.record("a finished job was cancelled")
      return
    }
    #expect(refusal.reason == "finished")
    #expect(try await !bench.status("other").isFinished)
    #expect(try await bench.census().isEmpty)
  }

  // MARK: requeue

  /// A job whose root is done and whose children died of `boom`, on three hosts.
  private func dead(_ count: Int) async throws -> QueueBench {
    let bench = try await bench("job")
    try await bench.run("w", emitting: (0..<count).map { "http://h\($0 % 3)/\($0)" })
    try await bench.admit()
    for task in try await bench.claim("w", count) {
      let isOdd = task.params.contains("h1")
      try await bench.fail(task, .unrunnable, "w", reason: isOdd ? "odd: 100% [wrong]" : "boom")
    }
    return bench
  }

  @Test func deadTasksRunAgainWhenTheLedgerHasIt() async throws {
    let bench = try await dead(6)
    let early = try await bench.queue.requeue(jobID: "job", onlyLooks: false).get()
    #expect(early.tasks.isEmpty && early.unrecorded == 6, "the ledger does not have their deaths yet")
    try await bench.settleAll()
    #expect(try await bench.status().isFinished)

    let looked = try await bench.queue.requeue(
      jobID: "job", RequeueFilter(host: "H1", error: "100% ["), onlyLooks: true
    ).get()
    #expect(looked.tasks.count == 2 && !looked.answer.hasChanged)
    #expect(try await bench.status().isFinished)
    let page = try await bench.queue.requeue(
      jobID: "job", RequeueFilter(host: "h1", failure: "unrunnable", error: "100% ["), onlyLooks: false
    ).get()
    #expect(page.tasks.map(\.taskID).sorted() == looked.tasks.map(\.taskID).sorted())
    #expect(
      try await bench.queue.requeue(jobID: "job", RequeueFilter(host: "h1"), onlyLooks: false).get().tasks.isEmpty)
    var status = try await bench.status()
    #expect(!status.isFinished && status.dead == 6 && status.unsettled == 2)
    #expect(try await bench.claim("w", 9).isEmpty)
    #expect(try await gate(bench, page.tasks[0].taskID) == .requeued)
    let entries = try await bench.queue.pendingEntries(olderThan: .seconds(60), limit: 9)
    #expect(entries.map(\.entry.kind) == ["requeued", "requeued"])
    try await bench.settleAll()
    status = try await bench.status()
    #expect(status.dead == 4 && status.ready == 2 && status.requeued == 2 && status.admitted == 7)
    #expect(try await bench.census().isEmpty)

    let tasks = try await bench.claim("w", 9)
    #expect(Set(tasks.map(\.taskID)) == Set(page.tasks.map(\.taskID)))
    for task in tasks { try await bench.complete(task, "w") }
    try await bench.settleAll()
    status = try await bench.status()
    #expect(status.isFinished && status.done == 3 && status.dead == 4)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aRequeuedTaskHasAllOfItsTries() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit { $0.retries.attempts = 2 }
    for _ in 0..<2 {
      try await bench.fail(try await bench.one("w"), .app, "w")
      try await bench.advance(.seconds(60))
    }
    #expect(try await bench.state("job-root") == .dead)
    guard case .refused(let refusal) = try await bench.queue.requeue(taskID: "job-root") else {
      Issue.record("requeued before its death was recorded")
      return
    }
    #expect(refusal.reason == "unrecorded")
    try await bench.settleAll()
    #expect(try await bench.queue.requeue(taskID: "job-root").get().tasks.map(\.taskID) == ["job-root"])
    try await bench.settleAll()
    let task = try await bench.one("w")
    #expect(task.attempt == 3)
    #expect(try await bench.fail(task, .app, "w").next == "scheduled")
  }

  @Test func aJobWhoseFingerprintsAreGoneIsNotReopened() async throws {
    let bench = try await dead(3)
    try await bench.settleAll()
    _ = try await bench.raw.send(["DEL", .text(bench.queue.keys.fingerprints("job"))])
    guard case .refused(let refusal) = try await bench.queue.requeue(jobID: "job", onlyLooks: false) else {
      Issue.record("reopened")
      return
    }
    #expect(refusal.isForgotten && refusal.error.remedy?.contains("--from-ledger --job job") == true)
  }

  // MARK: limits

  @Test func limitsHoldFromTheMomentTheyAreSet() async throws {
    let bench = try await bench("job")
    let set = try await bench.queue.set([.lease: 60_000, .heartbeat: 20_000], of: .fleet).get()
    #expect(set.hasChanged)
    #expect(try await bench.queue.timing() == LeaseTiming(lease: .seconds(60), heartbeat: .seconds(20)))
    let renewed = try await bench.queue.renew([], age: .zero, workerID: "w", requestID: "r")
    #expect(renewed.timing?.lease == .seconds(60) && renewed.controlVersion == set.version)
    _ = try await bench.queue.set([.maxRuns: 2, .attempts: 1], of: .job("job")).get()
    for value in [Int64(1), 0] {
      _ = try await bench.queue.set([.autoThrottle: value], of: .job("job")).get()
      #expect(try await bench.queue.job("job")?.politeness.autoThrottle == (value == 1))
    }
    let root = try await bench.run("w", emitting: ["http://a/1", "http://a/2"])
    try await bench.admit()
    let status = try await bench.status()
    #expect(status.admitted == 2 && status.cutByMaxRuns == 1)
    #expect(try await bench.fail(try await bench.one("w"), .app, "w").next == "dead")
    #expect(root.depth == 0)
  }

  @Test func aLimitThatCannotBeIsRefusedAndNothingIsSet() async throws {
    let bench = try await bench("job")
    for (limits, subject) in [
      ([.heartbeat: 20_000, .lease: 30_000], .fleet), ([.attempts: 0], .job("job")), ([.maxRuns: 5], .job("nope")),
      ([.maxRuns: nil], .job("job")), ([.hostDelay: -1], .host("h")),
    ] as [([FleetLimit: Int64?], ControlSubject)] {
      guard case .refused = try await bench.queue.set(limits, of: subject) else {
        Issue.record("\(limits) of \(subject) was set")
        continue
      }
    }
    #expect(try await bench.queue.timing() == LeaseTiming())
  }

  /// The job had no bounds when its task came to the host.
  @Test func boundsOfAJobCountItsTasksThatAlreadyRun() async throws {
    let bench = try await bench()
    try await bench.submit("bounded", host: "h")
    let running = try await bench.one("w")
    try await bench.submit("other", host: "h")
    _ = try await bench.queue.set([.hostConcurrency: 1], of: .job("bounded")).get()
    #expect(try await bench.claim("w").isEmpty)
    #expect(try await gate(bench, "other-root") == .hostSlots)
    try await bench.complete(running, "w")
    #expect(try await bench.claim("w").count == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aHostThatALimitClosedIsOpenedByAnother() async throws {
    let bench = try await bench()
    _ = try await bench.queue.set([.hostConcurrency: 1], of: .fleet).get()
    try await bench.submit("one", host: "h")
    try await bench.submit("two", host: "h")
    let first = try await bench.one("w")
    #expect(try await bench.claim("w").isEmpty)
    _ = try await bench.queue.set([.hostConcurrency: 2], of: .host("H:80")).get()
    #expect(try await bench.claim("w").count == 1)
    _ = try await bench.queue.set([.hostConcurrency: nil], of: .host("h")).get()
    try await bench.submit("three", host: "h")
    #expect(try await bench.claim("w").isEmpty)
    _ = try await bench.queue.set([.hostConcurrency: 0], of: .fleet).get()
    #expect(try await bench.claim("w").count == 1)
    try await bench.complete(first, "w")
    #expect(try await bench.census().isEmpty)
  }
}

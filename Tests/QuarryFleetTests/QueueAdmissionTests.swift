import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Bounds hold across the fleet: depth, number of tasks, duplicates, and what waits in the outbox.
@Suite(.timeLimit(.minutes(5))) struct QueueAdmissionTests {
  @Test func duplicatesOfAJobAreAdmittedOnceWhateverTheirKeyOrder() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit { $0.params = "{\"url\":\"http://a/root\"}" }
    let root = try await bench.one("w")
    let work = [
      DerivedWork(index: 0, target: "d.ts", params: "{\"a\":1,\"b\":2}"),
      DerivedWork(index: 1, target: "d.ts", params: "{ \"b\": 2, \"a\": 1 }"),
      DerivedWork(index: 2, target: "e.ts", params: "{\"a\":1,\"b\":2}"),
      DerivedWork(index: 3, target: "d.ts", params: "{\"a\":3}", options: .init(dedupKey: "k")),
      DerivedWork(index: 4, target: "d.ts", params: "{\"a\":4}", options: .init(dedupKey: "k")),
      DerivedWork(index: 5, target: "list.ts", params: "{\"url\":\"http://a/root\"}"),
      DerivedWork(index: 6, target: "d.ts", params: "{\"a\":1,\"b\":2}", source: "other", category: "c"),
    ]
    try await bench.emit(work, by: root, "w")
    try await bench.admit()
    let status = try await bench.status()
    #expect(status.admitted == 4 && status.duplicates == 4 && status.outbox == 0)
    // Another job knows nothing of it.
    try await bench.submit("second")
    let other = try await bench.claim("w", 10).first { $0.jobID == "second" }
    try await bench.emit([work[0]], by: try #require(other), "w")
    try await bench.admit()
    #expect(try await bench.status("second").admitted == 2)
    #expect(try await bench.census().isEmpty)
  }

  /// Only another program writes them.
  @Test func linesThatAreNoWorkAreRejectedAndHoldUpNothing() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let root = try await bench.one("w")
    let outbox = bench.queue.keys.outbox
    let head = "\(root.taskID) \(root.runID) "
    _ = try await bench.raw.send(["SET", .text(bench.queue.keys.task("text")), "hi"])
    let texts: [String] = [
      "not JSON", "7", "null", #"{"task_id":"t"}"#,
      #"{"task_id":"t","fingerprint":"00","target":"d.ts","params":{},"lane":"default"}"#,
      #"{"task_id":"t","fingerprint":"00","target":"d.ts","params":"{}","lane":"default","host":null}"#,
      #"{"task_id":"t","fingerprint":"00","target":"d.ts","params":"{}","lane":"default","host":true}"#,
      #"{"task_id":"t","fingerprint":"00","target":"d.ts","params":"{}","lane":"urgent"}"#,
    ]
    let lines = ["garbage"] + texts.map { head + $0 }
    for line in lines + ["text run {}"] { _ = try await bench.raw.send(["RPUSH", .text(outbox), .text(line)]) }
    _ = try await bench.raw.send(["HINCRBY", .text(bench.queue.keys.job("job")), "outbox", 8])
    try await bench.emit([bench.work(0, "http://a/1")], by: root, "w")
    try await bench.admit()
    let status = try await bench.status()
    #expect(status.admitted == 2 && status.outbox == 0)
    let rejects = try await bench.queue.rejects(limit: 20)
    #expect(rejects.map(\.line).sorted() == lines.sorted())
    #expect(rejects.allSatisfy { $0.reason.hasPrefix("in the outbox: ") })
  }

  @Test func aDelayOfThousandsOfYearsIsOneOfAYear() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let root = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/1", delay: 253_402_300_800_000)], by: root, "w")
    // As another program, or another version, may have written it.
    let foreign = """
      \(root.taskID) \(root.runID) {"task_id":"foreign","index":1,"target":"d.ts","params":"{}","lane":"default",\
      "delay_ms":253402300800000,"fingerprint":"00ff"}
      """
    _ = try await bench.raw.send(["RPUSH", .text("quarry:{\(bench.fleet)}:outbox"), .text(foreign)])
    _ = try await bench.raw.send(["HINCRBY", .text("quarry:{\(bench.fleet)}:job:job"), "outbox", 1])
    try await bench.admit()
    let tasks = try await bench.queue.listTasks(state: .scheduled, limit: 5)
    #expect(tasks.count == 2)
    let latest = Timestamp(milliseconds: Timestamp.now().nanoseconds / 1_000_000 + 31_536_000_000 + 60_000)
    for task in tasks { #expect(try #require(task.dueAt) < latest) }
    try await bench.complete(root, "w")
    #expect(try await bench.status().nextDue == tasks.compactMap(\.dueAt).min())
  }

  @Test func aTimeOfNoCalendarIsShownAndNotTrippedOver() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let root = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/1", delay: 5_000)], by: root, "w")
    try await bench.admit()
    let task = try #require(try await bench.queue.listTasks(state: .scheduled, limit: 1).first)
    let far: RedisArgument = "9223372036854775807"
    _ = try await bench.raw.send(["HSET", .text("quarry:{\(bench.fleet)}:task:\(task.taskID)"), "due_at", far])
    let shown = try #require(try await bench.queue.listTasks(state: .scheduled, limit: 1).first)
    #expect(shown.dueAt?.text().hasPrefix("2262-") == true)
    #expect(try await bench.queue.task(task.taskID)?.gate == .due)
  }

  @Test func enqueuesThatNamedNoWorkAreCountedWithTheJob() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let root = try await bench.one("w")
    _ = try await bench.queue.complete(
      [RunCompletion(task: root, figures: RunFigures(outcome: .success, enqueuesRejected: 3))], workerID: "w",
      requestID: UUIDv7.make())
    #expect(try await bench.status().enqueuesRejected == 3)
  }

  @Test func workTooDeepIsCutAndCounted() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit(depth: 1)
    try await bench.run("w", emitting: ["http://a/1"])
    try await bench.admit()
    try await bench.run("w", emitting: ["http://a/2", "http://a/3"])
    try await bench.admit()
    let status = try await bench.status()
    #expect(status.admitted == 2 && status.cutByDepth == 2)
    try await bench.settleAll()
    #expect(try await bench.status().isFinished)
  }

  @Test func aDuplicateNearerToTheRootMakesATaskThatHasNotBegunShallower() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit(depth: 3)
    let root = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/1")], by: root, "w")
    try await bench.admit()
    let child = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/far")], by: child, "w")
    try await bench.admit()
    #expect(try await bench.queue.listTasks(state: .ready, limit: 5).map(\.depth) == [2])
    try await bench.emit([bench.work(1, "http://a/far")], by: root, "w")
    try await bench.admit()
    let task = try await bench.one("w")
    #expect(task.depth == 1)
    try await bench.start(task, "w")
    // Begun: stays as it is.
    try await bench.emit([bench.work(1, "http://a/far")], by: child, "w")
    try await bench.admit()
    #expect(try await bench.queue.task(task.taskID)?.task.depth == 1)
  }

  enum Progress: CaseIterable, Sendable { case running, done, dead }

  /// root → near → far, whose own work is too deep; then the root links far itself.
  @Test(arguments: Progress.allCases)
  func whatWasCutIsAdmittedWhenItsTaskIsFoundNearerToTheRoot(_ progress: Progress) async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit(depth: 2)
    let root = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/near")], by: root, "w")
    try await bench.admit()
    try await bench.run("w", emitting: ["http://a/far"])
    try await bench.admit()
    let far = try await bench.one("w")
    try await bench.start(far, "w")
    // The same twice is cut once.
    let deep = ["http://a/deep", "http://a/deeper", "http://a/deep"]
    try await bench.emit(deep.enumerated().map { bench.work($0, $1) }, by: far, "w")
    try await bench.admit()
    var status = try await bench.status()
    #expect(status.admitted == 3 && status.cutByDepth == 2 && status.duplicates == 1)
    switch progress {
    case .running: break
    case .done: try await bench.complete(far, "w", emitted: 3)
    case .dead: try await bench.fail(far, .unrunnable, "w")
    }

    try await bench.emit([bench.work(1, "http://a/far")], by: root, "w")
    _ = try await bench.raw.send(["DEL", .text(bench.queue.keys.admitterWake)])
    #expect(try await bench.admit() == 1)
    #expect(try await bench.queue.task(far.taskID)?.task.depth == 1)
    #expect(try await bench.status().outbox == 2)
    // Whoever admits is woken for what came back.
    #expect(try await bench.raw.send(["EXISTS", .text(bench.queue.keys.admitterWake)]).int == 1)
    #expect(try await bench.admit() == 2)
    status = try await bench.status()
    #expect(status.admitted == 5 && status.cutByDepth == 0 && status.outbox == 0)
    let admitted = try await bench.claim("w", 5)
    #expect(admitted.map(\.depth) == [2, 2] && admitted.allSatisfy { $0.originRunID == far.runID })
    // Found there again: nothing is left to come back.
    try await bench.emit([bench.work(2, "http://a/far")], by: root, "w")
    try await bench.admit()
    #expect(try await bench.status().admitted == 5)
    #expect(try await bench.census().isEmpty)
    #expect(try await bench.raw.send(["EXISTS", .text("quarry:{\(bench.fleet)}:cut:\(far.taskID)")]).int == 0)
  }

  @Test func whatIsKeptOfCutWorkIsBounded() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit(depth: 0)
    let job = RedisArgument.text(bench.queue.keys.job("job"))
    _ = try await bench.raw.send(["HSET", job, "cut_kept", 99_999])
    let root = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/1"), bench.work(1, "http://a/2")], by: root, "w")
    try await bench.admit()
    #expect(try await bench.status().cutByDepth == 2)
    #expect(try await bench.raw.send(["HLEN", .text("quarry:{\(bench.fleet)}:cut:job-root")]).int == 1)
    #expect(
      try await bench.raw.send(["HMGET", job, "cut_kept", "cut_forgotten"]).elements?.map(\.int) == [100_000, 1])
  }

  @Test func maxRunsIsExactWithTheRootUnderManyAdmittersAndRetriesDoNotCount() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit(maxRuns: 17)
    let root = try await bench.one("w")
    for batch in 0..<4 {
      try await bench.emit((0..<25).map { bench.work(batch * 25 + $0, "http://a/\(batch)-\($0)") }, by: root, "w")
    }
    try await bench.fail(root, .release, "w")
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask {
          while (try? await bench.queue.admit(limit: 7, term: 0, requestID: "\(number)-\(UUIDv7.make())")) ?? 0 > 0 {}
        }
      }
    }
    let status = try await bench.status()
    #expect(status.admitted == 17 && status.cutByMaxRuns == 84 && status.outbox == 0)
    #expect(status.ready == 17)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aFullOutboxAnswersFullAndTakesAgainWhenDrained() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit(maxRuns: 2)
    let root = try await bench.one("w")
    var index = 0
    while index < 10_000 {
      let batch = (index..<index + 500).map { bench.work($0, "http://a/\($0)") }
      #expect(try await bench.emit(batch, by: root, "w") == .taken)
      index += 500
    }
    let more = [bench.work(index, "http://a/more")]
    #expect(try await bench.emit(more, by: root, "w") == .full)
    #expect(try await bench.status().outbox == 10_000)
    #expect(try await bench.admit() == 500)
    #expect(try await bench.emit(more, by: root, "w") == .taken)
    let waited = try await ContinuousClock().measure { try await bench.queue.waitForOutbox(upTo: .seconds(5)) }
    #expect(waited < .seconds(4))
  }

  @Test func onlyTheLeadingCoordinatorAdmitsAndReapsWhileItLeads() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let root = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/1"), bench.work(1, "http://a/2")], by: root, "w")
    #expect(try await bench.queue.takeTerm(coordinatorID: "one", lasting: .seconds(60)) == .leading(1))
    #expect(try await bench.queue.takeTerm(coordinatorID: "one", lasting: .seconds(60)) == .leading(1))
    #expect(try await bench.queue.takeTerm(coordinatorID: "two", lasting: .seconds(60)) == .other("one"))
    #expect(try await bench.queue.takeTerm(coordinatorID: "one", lasting: .seconds(60), health: "full") == .leading(1))
    _ = try await bench.queue.takeTerm(coordinatorID: "two", lasting: .seconds(60), health: "slow")
    #expect(try await bench.queue.fleetView().leaderHealth == "full")
    #expect(try await bench.admit() == 0)
    #expect(try await bench.queue.renew([root], age: .zero, workerID: "w", requestID: "1").leader == "one")
    #expect(try await bench.queue.admit(limit: 1, term: 1, requestID: "a") == 1)
    try await bench.advance(.seconds(61))
    #expect(try await bench.queue.fleetView().leaderHealth == nil, "its term is over")
    #expect(try await bench.queue.takeTerm(coordinatorID: "two", lasting: .seconds(60)) == .leading(2))
    #expect(try await bench.queue.fleetView().leaderHealth == nil)
    #expect(try await bench.queue.admit(limit: 1, term: 1, requestID: "b") == nil)
    #expect(try await bench.queue.reap(limit: 1, term: 1, requestID: "c").taken == 0)
    #expect(try await bench.queue.admit(limit: 1, term: 2, requestID: "d") == 1)
    try await bench.queue.releaseTerm(coordinatorID: "one")
    #expect(try await bench.queue.leader() == "two")
    try await bench.queue.releaseTerm(coordinatorID: "two")
    #expect(try await bench.queue.leader() == nil)
  }

  @Test func finishedOnlyWhenNothingIsLeftAnywhere() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let root = try await bench.run("w", emitting: ["http://a/1"])
    try await bench.settleAll()
    #expect(try await bench.status().isFinished == false, "the outbox holds work")
    try await bench.admit()
    #expect(try await bench.status().isFinished == false, "a task is ready")
    let child = try await bench.one("w")
    #expect(try await bench.status().isFinished == false, "a task is leased")
    try await bench.fail(child, .app, "w")
    #expect(try await bench.status().isFinished == false, "a task is scheduled")
    try await bench.advance(.seconds(10))
    let again = try await bench.one("w")
    #expect(again.attempt == 2 && again.parentRunID == child.runID && again.originRunID == root.runID)
    try await bench.complete(again, "w", notification: "")
    #expect(try await bench.status().isFinished == false, "the ledger has no record of it")
    try await bench.settleAll()
    #expect(try await bench.status().isFinished)
    let events = try await bench.queue.events(after: "0-0", upTo: .milliseconds(10)).map(\.type)
    #expect(
      events.filter { $0 == "job_finished" }.count == 1 && events.contains("task_retry")
        && events.contains("run_started"))
    #expect(try await bench.queue.lastEventID() != "0-0")
  }
}

import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport
import Testing

/// The same request sent twice answers the same and changes nothing, whatever happened to Redis' scripts or memory.
@Suite(.timeLimit(.minutes(5))) struct QueueReplayTests {
  @Test func aRepeatedClaimGivesTheSameTasks() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    for job in ["a", "b", "c"] { try await bench.submit(job) }
    let first = try await bench.claim("w", 2, request: "one")
    #expect(first.count == 2)
    #expect(try await bench.claim("w", 2, request: "one") == first)
    #expect(try await bench.claim("w", 2, request: "two").count == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aRepeatedClaimDoesNotGiveWhatWasTakenBackMeanwhile() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    _ = try await bench.claim("w", 1, request: "one")
    try await bench.advance(.seconds(31))
    try await bench.reap()
    #expect(try await bench.claim("w", 1, request: "one").isEmpty)
    #expect(try await bench.state("job-root") == .ready)
  }

  @Test func aRepeatedCompletionAnswersAcceptedWithTheSameNextTask() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    for job in ["a", "b", "c"] { try await bench.submit(job) }
    let task = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/")], by: task, "w")
    let answer = try await bench.complete(task, "w", emitted: 1, next: true, request: "one")
    let before = try await bench.status(task.jobID)
    let again = try await bench.complete(task, "w", emitted: 1, next: true, request: "one")
    #expect(again == answer)
    #expect(try await bench.status(task.jobID) == before)
    guard case .accepted(let entry?, let next?) = answer else {
      Issue.record("\(answer)")
      return
    }
    #expect(next.tasks.count == 1)
    try await bench.queue.settle([entry], requestID: "s")
    #expect(try await bench.complete(task, "w", emitted: 1, request: "two") == .accepted(nil, next: nil))
    #expect(try await bench.status(task.jobID).unsettled == 0)
  }

  @Test func completionsOfOneCallAreJudgedEachByItself() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    for job in ["a", "b", "c", "d", "e", "f"] { try await bench.submit(job) }
    let tasks = try await bench.claim("w", 4)
    _ = try await bench.queue.cancel(taskID: tasks[1].taskID).get()
    try await bench.emit([bench.work(0, "http://a/")], by: tasks[2], "w")
    var stranger = tasks[3]
    stranger.epoch += 1
    let runs = [(tasks[0], 0), (tasks[0], 0), (tasks[1], 0), (tasks[2], 2), (stranger, 0), (tasks[3], 0)].map {
      RunCompletion(
        task: $0, figures: RunFigures(outcome: .success, itemCount: 2), emitted: $1, notification: "{}",
        claimsNext: true)
    }
    let answers = try await bench.queue.complete(runs, workerID: "w", requestID: "1")
    #expect(answers.map(\.refusal) == [nil, "stale", "cancelled", "emissions missing", "stale", nil])
    let next = answers.flatMap(\.nextTasks)
    #expect(next.count == 2 && Set(next.map(\.taskID)).isDisjoint(with: tasks.map(\.taskID)))
    // Sent again in another company, each is answered as before.
    let again = try await bench.queue.complete([runs[5], runs[0]], workerID: "w", requestID: "2")
    #expect(again == [answers[5], answers[0]])
    #expect(try await bench.status(tasks[0].jobID).done == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aStartThatWasNotToldCountsFromTheCompletion() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    guard case .accepted(let entry?, _) = try await bench.complete(task, "w") else {
      Issue.record("refused")
      return
    }
    guard case .accepted(let record) = entry.entry else {
      Issue.record("\(entry)")
      return
    }
    #expect(record.task.attempt == 1)
    let events = try await bench.queue.events(after: "0", limit: 100).filter { $0.runID == task.runID }.map(\.type)
    #expect(events == ["run_started", "run_completed"])
    let late = try await bench.queue.started([task, task], workerID: "w", requestID: "s")
    #expect(late == [.refused("ended"), .refused("ended")])
  }

  @Test(arguments: TaskResult.FailureKind.allCases)
  func aRepeatedFailureAnswersTheSame(_ kind: TaskResult.FailureKind) async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    let answer = try await bench.fail(task, kind, "w", request: "one")
    let before = try await bench.queue.task(task.taskID)
    #expect(try await bench.fail(task, kind, "w", request: "one") == answer)
    #expect(try await bench.queue.task(task.taskID) == before)
    // Also when the task is at somebody else by then.
    guard answer.next != "dead" else { return }
    try await bench.advance(.seconds(3_600))
    _ = try await bench.one("w")
    #expect(try await bench.fail(task, kind, "w", request: "one") == answer)
  }

  @Test func repeatedEmissionsAreTakenOnce() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    let work = (0..<5).map { bench.work($0, "http://a/\($0)") }
    #expect(try await bench.emit(Array(work[0..<3]), by: task, "w") == .taken)
    #expect(try await bench.emit(Array(work[0..<3]), by: task, "w") == .taken)
    #expect(try await bench.emit(Array(work[1..<5]), by: task, "w") == .taken)
    #expect(try await bench.emit([bench.work(7, "http://a/7")], by: task, "w") == .refused("gap"))
    #expect(try await bench.status().outbox == 5)
    try await bench.admit()
    #expect(try await bench.status().admitted == 6)
  }

  @Test func repeatedAdmissionAndReapingChangeNothing() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    try await bench.emit((0..<4).map { bench.work($0, "http://a/\($0)") }, by: task, "w")
    #expect(try await bench.queue.admit(limit: 2, term: 0, requestID: "one") == 2)
    #expect(try await bench.queue.admit(limit: 2, term: 0, requestID: "one") == 2)
    #expect(try await bench.status().outbox == 2)
    try await bench.advance(.seconds(31))
    #expect(try await bench.queue.reap(limit: 10, term: 0, requestID: "r").taken == 1)
    #expect(try await bench.queue.reap(limit: 10, term: 0, requestID: "r").taken == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test func scriptsAreLoadedAgainAfterAFlush() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    _ = try await bench.raw.send(["SCRIPT", "FLUSH"])
    let task = try await bench.one("w")
    _ = try await bench.raw.send(["SCRIPT", "FLUSH"])
    guard case .accepted = try await bench.complete(task, "w") else {
      Issue.record("refused")
      return
    }
  }

  @Test func withMemoryFullWhatIsUnderWayStillEnds() async throws {
    let server = try RedisServer.start()
    let bench = try await QueueBench.make(on: server)
    try await bench.join("w")
    for job in ["a", "b", "c", "d"] {
      try await bench.submit(job, host: "\(job).test") {
        $0.politeness.hostConcurrency = 1
        $0.politeness.hostDelay = .seconds(1)
        $0.politeness.autoThrottle = true
      }
    }
    let tasks = try await bench.claim("w", 3)
    _ = try await bench.raw.send(["CONFIG", "SET", "maxmemory", "1"])
    for call in [
      { _ = try await bench.submit("e") }, { _ = try await bench.claim("w") },
      { _ = try await bench.emit([bench.work(0, "http://a/")], by: tasks[0], "w") },
    ] as [() async throws -> Void] {
      await #expect(throws: QuarryError.self) { try await call() }
    }
    #expect(try await bench.start(tasks[0], "w") == .started)
    #expect(try await bench.queue.renew(tasks, age: .zero, workerID: "w", requestID: "2").lost.isEmpty)
    let learned = HostNote(
      host: "", hasAnswered: true, wait: .seconds(1), crawlDelay: .seconds(2), latency: .milliseconds(30))
    guard case .accepted(let entry?, _) = try await bench.complete(tasks[0], "w", hosts: [learned]) else {
      Issue.record("refused")
      return
    }
    try await bench.queue.settle([entry], requestID: "3")
    #expect(try await bench.fail(tasks[1], .blocked, "w").next == "scheduled")
    _ = try await bench.raw.send(["CONFIG", "SET", "maxmemory", "0"])
    try await bench.advance(.seconds(31))
    _ = try await bench.raw.send(["CONFIG", "SET", "maxmemory", "1"])
    #expect(try await bench.reap() == 1)
    #expect(try await bench.queue.takeTerm(coordinatorID: "c", lasting: .seconds(5)) == .leading(1))
    #expect(try await bench.queue.control(.pause, .fleet).get().hasChanged)
    #expect(try await bench.queue.control(.resume, .fleet).get().hasChanged)
    #expect(try await bench.queue.cancel(jobID: tasks[1].jobID).get().waiting == 0)
    #expect(try await bench.state(tasks[1].taskID) == .cancelled)
    _ = try await bench.raw.send(["CONFIG", "SET", "maxmemory", "0"])
    #expect(try await bench.census().isEmpty)
    #expect(try await bench.queue.job("e") == nil)
  }
}

extension CompleteAnswer {
  fileprivate var refusal: String? { if case .refused(let reason) = self { reason } else { nil } }
  fileprivate var nextTasks: [TaskAssignment] {
    if case .accepted(_, let next) = self { next?.tasks ?? [] } else { [] }
  }
}

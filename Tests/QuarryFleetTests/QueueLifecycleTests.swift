import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// A job from its submission to its end, on a real Redis.
@Suite(.timeLimit(.minutes(5))) struct QueueLifecycleTests {
  @Test func aRootIsClaimedRunRecordedNotifiedAndFinishesItsJob() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    #expect(try await bench.submit() == true)
    #expect(try await bench.submit() == false)
    let task = try await bench.one("w")
    #expect(task.taskID == "job-root" && task.attempt == 1 && task.depth == 0 && task.source == "shop")
    #expect(task.parentRunID == nil && task.params == "{}" && task.policy == "strict")
    #expect(try await bench.claim("w").isEmpty)
    #expect(try await bench.start(task, "w") == .started)
    guard case .accepted(let entry?, nil) = try await bench.complete(task, "w", emitted: 0) else {
      Issue.record("not accepted")
      return
    }
    guard case .accepted(let record) = entry.entry else {
      Issue.record("\(entry)")
      return
    }
    #expect(record.runID == task.runID && record.task.epoch == task.epoch && record.figures.itemCount == 2)
    var status = try await bench.status()
    #expect(status.done == 1 && status.unsettled == 1 && status.unpublished == 1 && !status.isFinished)
    #expect(try await bench.queue.notifications(limit: 10, upTo: .milliseconds(1)).isEmpty)

    try await bench.queue.settle([entry], requestID: "a")
    try await bench.queue.settle([entry], requestID: "b")
    status = try await bench.status()
    #expect(status.unsettled == 0 && status.unpublished == 1 && !status.isFinished)
    let notifications = try await bench.queue.notifications(limit: 10, upTo: .milliseconds(1))
    #expect(notifications.map(\.json) == ["{\"run\":1}"])
    // Not acknowledged: it comes again, to whoever asks.
    let again = try await bench.queue.notifications(limit: 10, upTo: .milliseconds(1), again: .zero)
    #expect(again == notifications)
    try await bench.queue.acknowledge(again + again)
    try await bench.queue.acknowledge(again)
    status = try await bench.status()
    #expect(status.isFinished && status.rootState == "done" && status.unpublished == 0)
    #expect(try await bench.census().isEmpty)
  }

  @Test func derivedWorkBecomesTasksWithTheirLineage() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let root = try await bench.run("w", emitting: ["http://A.test:80/1", "http://b.test/2"])
    #expect(try await bench.status().outbox == 2)
    #expect(try await bench.admit() == 2)
    let tasks = try await bench.claim("w", 5)
    #expect(
      tasks.map(\.depth) == [1, 1] && tasks.allSatisfy { $0.originRunID == root.runID && $0.parentRunID == root.runID })
    #expect(Set(tasks.map(\.params)) == ["{\"url\":\"http://A.test:80/1\"}", "{\"url\":\"http://b.test/2\"}"])
    #expect(tasks.allSatisfy { $0.source == "shop" && $0.category == "default" && $0.target == "detail.ts" })
    let detail = try #require(try await bench.queue.task(tasks[0].taskID))
    #expect(detail.task.parentTaskID == root.taskID && ["a.test", "b.test"].contains(detail.task.host))
    let entries = try await bench.queue.pendingEntries(olderThan: .zero, limit: 10)
    guard case .accepted(let record) = try #require(entries.first).entry else {
      Issue.record("\(entries)")
      return
    }
    #expect(record.children.map(\.index) == [0, 1] && record.children.map(\.target) == ["detail.ts", "detail.ts"])
    #expect(try await bench.census().isEmpty)
  }

  @Test func completeHandsOutTheNextTaskInTheSameTrip() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit("a")
    try await bench.submit("b")
    let first = try await bench.one("w")
    guard case .accepted(_, let next?) = try await bench.complete(first, "w", next: true) else {
      Issue.record("nothing handed out")
      return
    }
    #expect(next.tasks.count == 1 && next.tasks[0].jobID != first.jobID)
    #expect(next.timing == LeaseTiming())
    #expect(try await bench.census().isEmpty)
  }

  @Test func completionWaitsForAllEmissions() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/1")], by: task, "w")
    #expect(try await bench.complete(task, "w", emitted: 2) == .refused("emissions missing"))
    #expect(try await bench.state("job-root") == .leased)
    try await bench.emit([bench.work(1, "http://a/2")], by: task, "w")
    guard case .accepted = try await bench.complete(task, "w", emitted: 2) else {
      Issue.record("refused")
      return
    }
  }

  @Test func longParametersAreKeptWhole() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    let long = "{\"n\":12345678901234567890,\"e\":[],\"text\":\"\(String(repeating: "x", count: 40_000))\"}"
    try await bench.submit { $0.params = long }
    let task = try await bench.one("w")
    #expect(task.params == long)
    try await bench.emit([DerivedWork(index: 0, target: "d.ts", params: long)], by: task, "w")
    try await bench.admit()
    #expect(try await bench.one("w").params == long)
  }

  @Test func aDelayedTaskIsScheduledUntilItIsDue() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let root = try await bench.one("w")
    try await bench.emit([bench.work(0, "http://a/1", delay: 60_000)], by: root, "w")
    try await bench.complete(root, "w", emitted: 1)
    try await bench.admit()
    let answer = try await bench.queue.claim(workerID: "w", count: 1, requestID: "1")
    #expect(answer.tasks.isEmpty)
    #expect((50_000...60_000).contains(try #require(answer.nextDueMilliseconds)))
    #expect(try await bench.status().scheduled == 1)
    try await bench.advance(.seconds(61))
    #expect(try await bench.claim("w").count == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test func workersThatWriteElsewhereOrRefuseTheJobAreNotGivenItsTasks() async throws {
    let bench = try await QueueBench.make()
    let other = StorageIdentity(backend: "fs", dataset: "quarry", id: "two")
    try await bench.submit()
    #expect(try await bench.status().workers == 0)
    try await bench.join("elsewhere", storage: other)
    try await bench.join("picky")
    try await bench.queue.refuse(jobID: "job", because: "list.ts differs", workerID: "picky")
    for worker in ["elsewhere", "picky", "unknown"] { #expect(try await bench.claim(worker).isEmpty) }
    var status = try await bench.status()
    #expect(status.workers == 2 && status.eligibleWorkers == 0)
    let detail = try #require(try await bench.queue.task("job-root"))
    let elsewhere = "it writes to fs:quarry:two, the job names fs:quarry:one"
    #expect(detail.gate == .noWorker && detail.refusals == ["picky": "list.ts differs", "elsewhere": elsewhere])
    let views = try await bench.queue.workers().reduce(into: [:]) { $0[$1.workerID] = $1.refusals }
    #expect(views == ["picky": ["job": "list.ts differs"], "elsewhere": ["job": elsewhere]])
    try await bench.queue.refuse(jobID: "job", because: nil, workerID: "picky")
    status = try await bench.status()
    #expect(status.eligibleWorkers == 1)
    #expect(try await bench.queue.task("job-root")?.gate == .turn)
    // Nor is one that claims nothing for now.
    try await bench.queue.tell(health: "its disk is full", workerID: "picky")
    let unwell = try #require(try await bench.queue.task("job-root"))
    #expect(unwell.gate == .noWorker && unwell.refusals["picky"] == "its disk is full")
    try await bench.queue.tell(health: "", workerID: "picky")
    #expect(try await bench.queue.task("job-root")?.gate == .turn)
    #expect(try await bench.claim("picky").count == 1)
  }

  @Test func aWorkerThatLeavesOrComesBackReleasesWhatItHeld() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let first = try await bench.one("w")
    try await bench.join("w")
    let second = try await bench.one("w")
    #expect(second.taskID == first.taskID && second.epoch > first.epoch && second.runID != first.runID)
    try await bench.queue.leave(workerID: "w")
    #expect(try await bench.state("job-root") == .ready)
    #expect(try await bench.queue.workers().isEmpty)
    #expect(try await bench.census().isEmpty)
  }

  @Test func idleWorkersWakeOneAfterTheOther() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    let clock = ContinuousClock()
    let waited = try await clock.measure {
      async let waiting: Void = bench.queue.waitForWork(upTo: .seconds(5))
      try await bench.submit("a")
      try await bench.submit("b")
      try await waiting
    }
    #expect(waited < .seconds(4))
    // One marker for two tasks; the claim that leaves work behind puts it back.
    let marker: RedisCommand = ["LLEN", .text("quarry:{\(bench.fleet)}:wake:work:\(QueueBench.storage.text)")]
    _ = try await bench.one("w")
    #expect(try await bench.raw.send(marker).int == 1)
    _ = try await bench.one("w")
    #expect(try await bench.claim("w").isEmpty)
  }

  @Test func desiredWorkersAreOfTheSizeOfTheLastOneWhereNoneIsLeft() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    try await bench.run("w", emitting: (0..<9).map { "https://h\($0)/" })
    try await bench.admit()
    for isThere in [true, false] {
      if !isThere { try await bench.queue.leave(workerID: "w") }
      let figures = try await bench.queue.figures()
      #expect(figures.workers == (isThere ? 1 : 0) && figures.startable == 9 && figures.desiredWorkers == 3)
    }
  }

  @Test func submissionsOfOtherProgramsAreReadOnceAndBadOnesKeptWithTheirReason() async throws {
    let bench = try await QueueBench.make()
    let good = "{\"script\":\"list.ts\",\"key\":\"nightly\",\"params\":{\"url\":\"http://a/\"},\"depth\":2}"
    let keys = bench.queue.keys
    _ = try await bench.raw.send(["RPUSH", .text(keys.submissions), .text(good), "rubbish", .text(good)])
    let lines = try await bench.queue.waitingSubmissions(limit: 10).map { String(decoding: $0, as: UTF8.self) }
    #expect(lines == [good, "rubbish", good])
    for line in lines {
      do throws(QuarryError) {
        let parsed = try SubmissionLine(parsing: line)
        var request = JobRequest(script: parsed.script, scriptRoot: "/", source: "list", storage: QueueBench.storage)
        request.params = parsed.params
        request.depth = parsed.depth ?? 0
        try await bench.queue.submit(
          JobSubmission(
            jobID: parsed.jobID, rootTaskID: UUIDv7.make(), request: request, target: parsed.script, line: line))
      } catch { try await bench.queue.reject(line: Array(line.utf8), because: error.message) }
    }
    #expect(try await bench.queue.waitingSubmissions(limit: 10).isEmpty)
    #expect(try await bench.queue.jobs(limit: 10).map(\.jobID) == [SubmissionLine.jobID(forKey: "nightly")])
    let rejected = try await bench.raw.send(["LRANGE", .text(keys.rejects), "0", "-1"])
    #expect(rejected[0]?.text?.contains("not JSON") == true && rejected.elements?.count == 1)
  }

  @Test(arguments: [
    "[]", "{}", "{\"script\":1}", "{\"script\":\"a\",\"depth\":-1}", "{\"script\":\"a\",\"lane\":\"fast\"}",
    "{\"script\":\"a\",\"params\":[]}", "{\"script\":\"a\",\"job_id\":\"a:b\"}", "{\"script\":\"a\",\"colour\":1}",
    "{\"script\":\"a\",\"host_concurrency\":0}", "{\"script\":\"a\",\"auto_throttle\":1}",
  ])
  func badSubmissionLinesAreNamed(_ line: String) {
    #expect(throws: QuarryError.self) { try SubmissionLine(parsing: line) }
  }

  @Test func aSubmissionLineSaysHowPoliteItsJobIsAndTheJobKeepsIt() async throws {
    let line = """
      {"script":"a.ts","host_concurrency":2,"host_delay_ms":1500,"host_max_pages":100,"auto_throttle":true,\
      "job_concurrency":8}
      """
    let politeness = try SubmissionLine(parsing: line).politeness
    let bench = try await QueueBench.make()
    try await bench.submit { $0.politeness = politeness }
    let kept = try #require(try await bench.queue.job("job")).politeness
    #expect(kept == politeness && kept.hostConcurrency == 2 && kept.hostDelay == .milliseconds(1_500))
    #expect(kept.hostMaxPages == 100 && kept.autoThrottle && kept.jobConcurrency == 8)
    try await bench.submit("free")
    #expect(try await bench.queue.job("free")?.politeness == Politeness())
  }
}

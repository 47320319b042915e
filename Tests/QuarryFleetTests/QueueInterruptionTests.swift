import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Scripts that an error ends in the middle: Redis keeps what they have written by then, and no task may be lost by it.
@Suite(.timeLimit(.minutes(5))) struct QueueInterruptionTests {
  private func bench() async throws -> QueueBench {
    let bench = try await QueueBench.make(isFragile: true)
    try await bench.join("w")
    try await bench.submit(host: "shop")
    return bench
  }

  private func expectRefused(_ call: () async throws -> some Any) async {
    do {
      _ = try await call()
      Issue.record("not refused")
    } catch { #expect((error as? QuarryError)?.isAnswer == true, "\(error)") }
  }

  private func expectFinished(_ bench: QueueBench) async throws {
    try await bench.settleAll()
    let status = try await bench.status()
    #expect(status.isFinished && status.done == 1)
    #expect(try await bench.census().isEmpty)
  }

  @Test(arguments: [
    "hostjobs:default:shop", "rota:default", "held:w", "index:job:leased", "slots:shop", "starting:shop",
  ])
  func aTaskWhoseClaimWasCutShortIsTakenBack(_ key: String) async throws {
    let bench = try await bench()
    let name = key == "rota:default" ? "rota:default:" + QueueBench.storage.text : key
    let damage = Damage(bench, bench.queue.keys.prefix + name)
    try await damage.make()
    await expectRefused { try await bench.claim("w") }
    try await damage.mend()
    try await bench.advance(.seconds(31))
    try await bench.reap()
    #expect(try await bench.state("job-root") == .ready)
    #expect(try await bench.run("w").taskID == "job-root")
    try await expectFinished(bench)
  }

  @Test(arguments: ["slots:shop", "results", "unsettled", "index:job:done"])
  func aRunWhoseCompletionWasCutShortIsToldAgain(_ key: String) async throws {
    let bench = try await bench()
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    let damage = Damage(bench, bench.queue.keys.prefix + key)
    try await damage.make()
    await expectRefused { try await bench.complete(task, "w") }
    #expect(try await bench.state(task.taskID) == .leased)
    try await damage.mend()
    guard case .accepted(.some, _) = try await bench.complete(task, "w") else {
      Issue.record("not accepted")
      return
    }
    try await expectFinished(bench)
  }

  @Test func aRunWhoseCompletionWasCutShortAndWhoseWorkerIsGoneRunsAgain() async throws {
    let bench = try await bench()
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    let damage = Damage(bench, bench.queue.keys.prefix + "results")
    try await damage.make()
    await expectRefused { try await bench.complete(task, "w") }
    try await damage.mend()
    try await bench.advance(.seconds(31))
    #expect(try await bench.reap() == 1)
    #expect(try await bench.state(task.taskID) == .scheduled)
    try await bench.advance(.seconds(60))
    #expect(try await bench.run("w").taskID == task.taskID)
    try await expectFinished(bench)
  }

  @Test func whatIsBadIsFoundBeforeAnythingIsWritten() async throws {
    let bench = try await bench()
    let task = try await bench.one("w")
    for key in ["emitted:\(task.runID)", "job:job"] {
      let damage = Damage(bench, bench.queue.keys.prefix + key)
      try await damage.make()
      await expectRefused { try await bench.complete(task, "w") }
      try await damage.mend()
      let events = try await bench.queue.events(after: "0", limit: 100).filter { $0.runID == task.runID }
      #expect(events.isEmpty, "\(key)")
      #expect(try await bench.census().isEmpty, "\(key)")
    }
  }

  /// What is no task is gone for whoever names it, and stops nobody else.
  @Test func aTaskWhoseKeyHoldsSomethingElseIsGone() async throws {
    let bench = try await bench()
    try await bench.submit("other", host: "shop")
    let tasks = try await bench.claim("w", 2)
    _ = try await bench.raw.send(["SET", .text(bench.queue.keys.task(tasks[0].taskID)), "no task"])
    #expect(try await bench.queue.renew(tasks, age: .zero, workerID: "w", requestID: "1").lost == [tasks[0].runID])
    let runs = tasks.map { RunCompletion(task: $0, figures: RunFigures(outcome: .success)) }
    let answers = try await bench.queue.complete(runs, workerID: "w", requestID: "2")
    #expect(answers[0] == .refused("gone"))
    guard case .accepted = answers[1] else {
      Issue.record("\(answers[1])")
      return
    }
    try await bench.advance(.seconds(31))
    #expect(try await bench.reap() == 1)
    #expect(try await bench.reap() == 0)
  }
}

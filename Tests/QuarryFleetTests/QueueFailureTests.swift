import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Failures are charged to their own budgets; lost leases and outages to whom they belong.
@Suite(.timeLimit(.minutes(5))) struct QueueFailureTests {
  private func spend(_ kind: TaskResult.FailureKind, _ tries: Int) async throws -> (QueueBench, [FailAnswer]) {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit {
      $0.retries.attempts = 3
      $0.retries.crashes = 2
      $0.retries.blocks = 4
    }
    var answers: [FailAnswer] = []
    for number in 0..<tries {
      let task = try await bench.one("w")
      #expect(task.attempt == number + 1)
      answers.append(try await bench.fail(task, kind, "w", reason: "number \(number)"))
      try await bench.advance(.seconds(86_401))
    }
    return (bench, answers)
  }

  @Test(arguments: [(TaskResult.FailureKind.app, 3), (.crash, 2), (.blocked, 4)])
  func aTaskDiesWithItsReasonWhenItsBudgetIsSpent(_ kind: TaskResult.FailureKind, _ budget: Int) async throws {
    let (bench, answers) = try await spend(kind, budget)
    #expect(answers.dropLast().allSatisfy { $0.next == "scheduled" && $0.pending == nil })
    let last = try #require(answers.last)
    #expect(last.next == "dead")
    guard case .dead(let record) = try #require(last.pending).entry else {
      Issue.record("\(last)")
      return
    }
    #expect(record.failure == kind.rawValue && record.reason == "number \(budget - 1)" && record.task.attempt == budget)
    #expect(
      try await bench.queue.deaths(jobID: "job", limit: 10) == [
        Death(taskID: "job-root", target: "list.ts", kind: kind.rawValue, error: "number \(budget - 1)")
      ])
    var status = try await bench.status()
    #expect(status.dead == 1 && status.retried == budget - 1 && status.rootState == "dead" && !status.isFinished)
    #expect(try await bench.claim("w").isEmpty)
    try await bench.settleAll()
    status = try await bench.status()
    #expect(status.isFinished && status.rootState == "dead")
    #expect(try await bench.census().isEmpty)
  }

  @Test func budgetsDoNotMix() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit {
      $0.retries.attempts = 2
      $0.retries.crashes = 2
      $0.retries.blocks = 2
    }
    for kind in [TaskResult.FailureKind.app, .crash, .blocked] {
      #expect(try await bench.fail(try await bench.one("w"), kind, "w").next == "scheduled")
      try await bench.advance(.seconds(86_401))
    }
    let view = try #require(try await bench.queue.task("job-root")).task
    #expect(view.appFailures == 1 && view.crashes == 1 && view.blocks == 1 && view.attempt == 3)
  }

  @Test(arguments: [TaskResult.FailureKind.storage, .worker, .versionMismatch])
  func whatAWorkerLacksIsSaidOfTheTaskThatCameBack(_ kind: TaskResult.FailureKind) async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    #expect(try await bench.fail(try await bench.one("w"), kind, "w", reason: "no browser answers").next == "ready")
    let task = try #require(try await bench.queue.task("job-root")).task
    #expect(task.failure == kind.rawValue && task.error == "no browser answers")
    #expect(task.appFailures == 0 && task.crashes == 0 && task.blocks == 0)
    try await bench.complete(try await bench.one("w"), "w")
    #expect(try await bench.census().isEmpty)
  }

  @Test(arguments: [TaskResult.FailureKind.release, .storage, .worker, .versionMismatch])
  func whatIsNobodysFaultCostsNothing(_ kind: TaskResult.FailureKind) async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    for _ in 0..<20 { #expect(try await bench.fail(try await bench.one("w"), kind, "w").next == "ready") }
    let view = try #require(try await bench.queue.task("job-root")).task
    #expect(view.state == .ready && view.attempt == 0 && view.appFailures + view.crashes + view.blocks == 0)
    #expect(try await bench.census().isEmpty)
  }

  @Test func whatCanNeverRunIsDeadAtOnce() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let reason = String(repeating: "é", count: 4_000)
    let answer = try await bench.fail(try await bench.one("w"), .unrunnable, "w", reason: reason)
    #expect(answer.next == "dead")
    let error = try #require(try await bench.queue.task("job-root")?.task.error)
    #expect(error.utf8.count <= 4_096 && reason.hasPrefix(error))
  }

  @Test func waitsGrowWithEachTryAreJitteredAndBounded() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit {
      $0.retries.attempts = 30
      $0.retries.attemptBase = .seconds(5)
      $0.retries.attemptCap = .seconds(20)
    }
    var waits: [Int64] = []
    for _ in 0..<8 {
      let task = try await bench.one("w")
      let before = try await bench.queue.task(task.taskID)?.task.claimedAt
      try await bench.fail(task, .app, "w")
      let due = try #require(try await bench.queue.task(task.taskID)?.task.dueAt)
      waits.append((due.nanoseconds - (before?.nanoseconds ?? 0)) / 1_000_000)
      try await bench.advance(.seconds(21))
    }
    for (number, wait) in waits.enumerated() { #expect(wait <= min(20_000, 5_000 << number) + 500) }
    #expect(Set(waits).count > 4)
  }

  @Test func anExpiredClaimCostsNothingBeforeTheFirstFrameAndACrashAfterIt() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    _ = try await bench.one("w")
    try await bench.advance(.seconds(29))
    #expect(try await bench.reap() == 0)
    try await bench.advance(.seconds(2))
    #expect(try await bench.reap() == 1)
    #expect(try await bench.state("job-root") == .ready)
    let second = try await bench.one("w")
    #expect(second.attempt == 1)
    try await bench.start(second, "w")
    try await bench.start(second, "w")
    try await bench.advance(.seconds(31))
    #expect(try await bench.reap() == 1)
    let view = try #require(try await bench.queue.task("job-root")).task
    #expect(view.state == .scheduled && view.crashes == 1 && view.attempt == 1)
    #expect(view.error?.contains("did not renew") == true)
    #expect(try await bench.queue.renew([second], age: .zero, workerID: "w", requestID: "3").lost == [second.runID])
    #expect(try await bench.state("job-root") == .scheduled)
    #expect(try await bench.census().isEmpty)
  }

  @Test func aTaskAtWhichWorkersFallSilentBeforeItBeginsIsChargedInTheEnd() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    for claim in 1...10 {
      _ = try await bench.one("w")
      try await bench.advance(.seconds(31))
      #expect(try await bench.reap() == 1)
      #expect(try await bench.state("job-root") == (claim < 10 ? .ready : .scheduled))
    }
    let view = try #require(try await bench.queue.task("job-root")).task
    #expect(view.crashes == 1 && view.attempt == 0)
    #expect(view.error?.contains("which never began") == true)
    #expect(try await bench.census().isEmpty)
  }

  @Test func reapingSaysWhenTheNextLeaseIsOver() async throws {
    let bench = try await QueueBench.make()
    func reap() async throws -> ReapAnswer {
      try await bench.queue.reap(limit: 10, term: 0, requestID: UUIDv7.make())
    }
    #expect(try await reap() == ReapAnswer(taken: 0))
    try await bench.join("w")
    try await bench.submit()
    _ = try await bench.one("w")
    try await bench.advance(.seconds(20))
    let left = try #require(try await reap().untilNextTick)
    #expect(left > .zero && left <= .seconds(10))
    // After a gap it has a whole lease more.
    try await bench.advance(.seconds(60), ticking: false)
    let graced = try await reap()
    #expect(graced.taken == 0 && graced.untilNextTick.map { $0 > .seconds(10) && $0 <= .seconds(30) } == true)
    try await bench.advance(.seconds(31))
    #expect(try await reap() == ReapAnswer(taken: 1))
  }

  @Test func aRenewedLeaseHolds() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    for _ in 0..<5 {
      try await bench.advance(.seconds(20))
      #expect(try await bench.queue.renew([task], age: .zero, workerID: "w", requestID: UUIDv7.make()).lost.isEmpty)
      #expect(try await bench.reap() == 0)
    }
    guard case .accepted = try await bench.complete(task, "w") else {
      Issue.record("refused")
      return
    }
  }

  @Test func aShorterLeaseOfTheFleetNeverShortensOneThatIsHeld() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    try await bench.submit("hasty") { $0.timing = LeaseTiming(lease: .seconds(6), heartbeat: .seconds(2)) }
    let answer = try await bench.queue.renew([task], age: .zero, workerID: "w", requestID: "1")
    #expect(answer.timing?.lease == .seconds(6) && answer.controlVersion == 1)
    try await bench.advance(.seconds(28))
    #expect(try await bench.reap() == 0)
    try await bench.advance(.seconds(3))
    #expect(try await bench.reap() == 1)
  }

  @Test func whatAWorkerNoLongerNamesIsReleasedAfterTwoHeartbeats() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit("a")
    try await bench.submit("b")
    let tasks = try await bench.claim("w", 2)
    try await bench.advance(.seconds(19))
    #expect(try await bench.queue.renew([tasks[0]], age: .zero, workerID: "w", requestID: "1").lost.isEmpty)
    #expect(try await bench.state(tasks[1].taskID) == .leased)
    try await bench.advance(.seconds(2))
    _ = try await bench.queue.renew([tasks[0]], age: .zero, workerID: "w", requestID: "2")
    #expect(try await bench.state(tasks[1].taskID) == .ready)
    #expect(try await bench.state(tasks[0].taskID) == .leased)
    #expect(try await bench.census().isEmpty)
  }

  /// Redis did not answer for a while, and the worker claimed again before it said once more what it held then.
  @Test func aListThatIsSentAgainReleasesNothingThatWasClaimedSince() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    try await bench.advance(.seconds(25))
    _ = try await bench.queue.renew([], age: .seconds(26), workerID: "w", requestID: UUIDv7.make())
    #expect(try await bench.state(task.taskID) == .leased)
    _ = try await bench.queue.renew([], age: .seconds(1), workerID: "w", requestID: UUIDv7.make())
    #expect(try await bench.state(task.taskID) == .ready)
    #expect(try await bench.census().isEmpty)
  }

  /// The server's clock is set forward while a claim is on its way to the worker, whose list does not have it yet.
  @Test func aClockThatIsSetForwardReleasesNoFreshClaim() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    try await bench.advance(.seconds(3_600), ticking: false)
    for _ in 0..<2 {
      _ = try await bench.queue.renew([], age: .zero, workerID: "w", requestID: UUIDv7.make())
      #expect(try await bench.state(task.taskID) == .leased)
      // Now every lease has a whole lease more.
      #expect(try await bench.reap() == 0)
    }
    #expect(try await bench.queue.renew([task], age: .zero, workerID: "w", requestID: UUIDv7.make()).lost.isEmpty)
    try await bench.advance(.seconds(31))
    _ = try await bench.queue.renew([], age: .zero, workerID: "w", requestID: UUIDv7.make())
    #expect(try await bench.state(task.taskID) == .ready)
    #expect(try await bench.census().isEmpty)
  }

  @Test func anOutageOfRedisPunishesNobody() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    try await bench.submit()
    let task = try await bench.one("w")
    try await bench.start(task, "w")
    try await bench.reap()
    // Nobody could reach Redis for a minute.
    try await bench.advance(.seconds(60), ticking: false)
    #expect(try await bench.reap() == 0)
    try await bench.advance(.seconds(15))
    #expect(try await bench.reap() == 0)
    #expect(try await bench.queue.renew([task], age: .zero, workerID: "w", requestID: "2").lost.isEmpty)
    try await bench.advance(.seconds(31))
    #expect(try await bench.reap() == 1)
  }

  @Test func aServerThatRestartedOrAClockThatWentBackExtendsLeasesToo() async throws {
    for field in ["server", "back"] {
      let bench = try await QueueBench.make()
      try await bench.join("w")
      try await bench.submit()
      _ = try await bench.one("w")
      try await bench.reap()
      try await bench.advance(.seconds(31))
      // What the last tick saw: another server, or a clock that had not gone back.
      _ = try await bench.raw.send(["HSET", .text(bench.meta), .text(field), field == "server" ? "another" : "0"])
      #expect(try await bench.reap() == 0)
      try await bench.advance(.seconds(31))
      #expect(try await bench.reap() == 1)
    }
  }

  @Test func silentWorkersAreForgottenAndFoundAgainByTheirHeartbeat() async throws {
    let bench = try await QueueBench.make()
    try await bench.join("w")
    #expect(try await bench.queue.workers().map(\.workerID) == ["w"])
    try await bench.advance(.seconds(70))
    try await bench.reap()
    #expect(try await bench.queue.workers().isEmpty)
    let answer = try await bench.queue.renew([], age: .zero, workerID: "w", requestID: "1")
    #expect(!answer.mustJoin)
    #expect(try await bench.queue.workers().map(\.isUp) == [true])
    #expect(try await bench.queue.renew([], age: .zero, workerID: "stranger", requestID: "1").mustJoin)
  }

  @Test func moreWorkersThanAPageHoldsAreAllShown() async throws {
    let bench = try await QueueBench.make()
    for number in 0..<501 { try await bench.join("w\(number)") }
    #expect(try await bench.queue.workers().count == 500)
    #expect(try await Set(bench.queue.workers(limit: .max).map(\.workerID)).count == 501)
  }

  @Test func aLeaseThatCannotBeTakenBackHoldsUpNoOther() async throws {
    let bench = try await QueueBench.make(isFragile: true)
    try await bench.join("w")
    for job in ["a", "b"] { try await bench.submit(job) }
    #expect(try await bench.claim("w", 2).count == 2)
    let damage = Damage(bench, bench.queue.keys.job("a"))
    try await damage.make()
    try await bench.advance(.seconds(31))
    #expect(try await bench.reap() == 2)
    #expect(try await bench.state("b-root") == .ready)
    try await damage.mend()
    #expect(try await bench.state("a-root") == .leased)
    try await bench.advance(.seconds(31))
    #expect(try await bench.reap() == 1)
    #expect(try await bench.state("a-root") == .ready)
    #expect(try await bench.census().isEmpty)
  }
}

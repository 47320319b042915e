import QuarryCore
import Testing

import QuarryFleet

/// The worker's decisions as transcripts: events in, actions out, no I/O.
@Suite(.timeLimit(.minutes(5))) struct WorkerStateTests {
  private let second: UInt64 = 1_000_000_000

  private func worker(slots: Int = 2) -> WorkerState {
    WorkerState(slots: slots, timing: LeaseTiming(), drainTimeout: .seconds(25))
  }

  private func task(_ run: String) -> TaskAssignment {
    TaskAssignment(
      taskID: "task-\(run)", jobID: "job", runID: run, epoch: 1, attempt: 1, depth: 0, target: "list.ts", params: "{}",
      source: "list", category: "default", policy: "strict")
  }

  private func pending(_ run: String) -> PendingEntry {
    PendingEntry(id: run, jobID: "job", entry: .requeued(taskID: "task-\(run)"))
  }

  /// A worker that holds the given runs, claimed at second 100.
  private func holding(_ runs: [String], slots: Int = 2) -> WorkerState {
    var state = worker(slots: slots)
    _ = state.handle(.ready)
    _ = state.handle(.claimAnswered(ClaimAnswer(tasks: runs.map(task)), sentAt: 100 * second))
    return state
  }

  private let figures = RunFigures(outcome: .success, eventCount: 3, itemCount: 2)

  @Test func claimsOnlyForFreeSlotsAndBlocksWhenThereIsNothing() {
    var state = worker(slots: 3)
    #expect(state.handle(.ready) == [.renew([]), .claim(3)])
    let actions = state.handle(
      .claimAnswered(ClaimAnswer(tasks: [task("a")], nextDueMilliseconds: 700), sentAt: 100 * second))
    #expect(actions == [.run(task("a"), deadline: 125 * second), .awaitWork(.milliseconds(700))])
    #expect(state.handle(.wokeUp) == [.claim(2)])
  }

  @Test func aBlockLastsFiveSecondsAtMost() {
    var state = worker()
    _ = state.handle(.ready)
    #expect(state.handle(.claimAnswered(ClaimAnswer(tasks: []), sentAt: 0)) == [.awaitWork(.seconds(5))])
    _ = state.handle(.wokeUp)
    let late = ClaimAnswer(tasks: [], nextDueMilliseconds: 60_000)
    #expect(state.handle(.claimAnswered(late, sentAt: 0)) == [.awaitWork(.seconds(5))])
  }

  /// A block that is under way does not know of it.
  @Test func whatWillBeDueSoonIsAskedForInTime() throws {
    var state = holding(["a", "b"], slots: 3)
    func complete(_ run: String, due: Int64?) -> [WorkerAction] {
      _ = state.handle(.runEnded(runID: run, .accepted(figures)))
      let next = ClaimAnswer(tasks: [], nextDueMilliseconds: due)
      return state.handle(.completeAnswered(runID: run, .accepted(pending(run), next: next), sentAt: 200 * second))
    }
    guard case .startDueTimer(.milliseconds(600), let first)? = complete("a", due: 600).last,
      case .startDueTimer(.milliseconds(400), let second)? = complete("b", due: 400).last
    else {
      Issue.record("no timer was started")
      return
    }
    #expect(state.handle(.due(first)).isEmpty)
    #expect(state.handle(.due(second)) == [.claim(3)])
    #expect(state.handle(.wokeUp).isEmpty)
    #expect(state.handle(.claimAnswered(ClaimAnswer(tasks: []), sentAt: 0)) == [.awaitWork(.seconds(5))])
  }

  @Test func completesThenSettlesThenRunsWhatCameWithIt() {
    var state = holding(["a", "b"])
    #expect(
      state.handle(.runEnded(runID: "a", .accepted(figures))) == [
        .complete(task("a"), figures, emitted: 0, claimNext: true)
      ])
    let next = ClaimAnswer(tasks: [task("c")])
    #expect(
      state.handle(.completeAnswered(runID: "a", .accepted(pending("a"), next: next), sentAt: 200 * second)) == [
        .forget(runID: "a"), .settle(pending("a")), .notice(.runAccepted(task("a"), figures)),
        .run(task("c"), deadline: 225 * second),
      ])
  }

  @Test func aRefusedCompletionIsSupersededAndSettlesNothing() {
    var state = holding(["a", "b"])
    _ = state.handle(.runEnded(runID: "a", .accepted(figures)))
    #expect(
      state.handle(.completeAnswered(runID: "a", .refused("stale"), sentAt: 0)) == [
        .forget(runID: "a"), .notice(.runSuperseded(task("a"), reason: "stale")), .claim(1),
      ])
  }

  @Test func aRenewalPushesDeadlinesFromTheMomentItWasSent() {
    var state = holding(["a", "b"])
    #expect(state.handle(.renewed(RenewAnswer(), named: [], sentAt: 0)) == [.startHeartbeat(.seconds(10), 1)])
    #expect(state.handle(.heartbeat(0)).isEmpty)
    #expect(state.handle(.heartbeat(1)) == [.renew([task("a"), task("b")])])
    #expect(state.handle(.heartbeat(1)).isEmpty)
    #expect(
      state.handle(.renewed(RenewAnswer(lost: ["b"]), named: ["a", "b"], sentAt: 110 * second)) == [
        .startHeartbeat(.seconds(10), 2), .extend(runID: "a", deadline: 135 * second), .stop(runID: "b", .leaseLost),
      ])
  }

  @Test func aShorterLeaseThanTheOneAtBootHoldsFromTheAnswerThatToldIt() {
    var state = worker()
    _ = state.handle(.ready)
    _ = state.handle(.renewed(RenewAnswer(), named: [], sentAt: 0))
    let short = LeaseTiming(lease: .seconds(6), heartbeat: .seconds(2))
    #expect(
      state.handle(.claimAnswered(ClaimAnswer(tasks: [task("a"), task("b")], timing: short), sentAt: 100 * second)) == [
        .startHeartbeat(.seconds(2), 2), .run(task("a"), deadline: 105 * second),
        .run(task("b"), deadline: 105 * second),
      ])
    #expect(state.handle(.heartbeat(1)).isEmpty)
    #expect(state.handle(.heartbeat(2)) == [.renew([task("a"), task("b")])])
  }

  @Test func aWorkerThatRedisDoesNotKnowJoinsAgain() {
    var state = worker()
    _ = state.handle(.ready)
    #expect(
      state.handle(.renewed(RenewAnswer(mustJoin: true), named: [], sentAt: 0)) == [
        .startHeartbeat(.seconds(10), 1), .join,
      ])
  }

  @Test func aRunClaimedAfterTheRenewalWasSentIsNotJudgedByIt() {
    var state = holding(["a"])
    _ = state.handle(.wokeUp)
    _ = state.handle(.claimAnswered(ClaimAnswer(tasks: [task("b")]), sentAt: 112 * second))
    #expect(
      state.handle(.renewed(RenewAnswer(lost: ["b"]), named: ["a"], sentAt: 110 * second)) == [
        .startHeartbeat(.seconds(10), 1), .extend(runID: "a", deadline: 135 * second),
      ])
  }

  @Test func aLostRunThatFailsIsGivenBackAndOneThatSucceededIsJudgedByRedis() {
    var state = holding(["a", "b"])
    #expect(state.handle(.entitlementLost(runID: "a", .leaseLost)) == [.stop(runID: "a", .leaseLost)])
    #expect(state.handle(.entitlementLost(runID: "a", .leaseLost)).isEmpty)
    #expect(
      state.handle(.runEnded(runID: "a", .failed(.crash, reason: "killed", figures))) == [
        .fail(task("a"), .release, reason: "its lease is lost")
      ])
    #expect(
      state.handle(.failAnswered(runID: "a", FailAnswer(next: "stale"))) == [
        .forget(runID: "a"), .notice(.runSuperseded(task("a"), reason: "its lease is lost")), .claim(1),
      ])
    _ = state.handle(.entitlementLost(runID: "b", .leaseLost))
    #expect(
      state.handle(.runEnded(runID: "b", .accepted(figures))) == [
        .complete(task("b"), figures, emitted: 0, claimNext: true)
      ])
  }

  @Test func aFailureIsReportedWithItsKindAndFreesTheSlot() {
    var state = holding(["a", "b"])
    #expect(
      state.handle(.runEnded(runID: "a", .failed(.app, reason: "boom", figures))) == [
        .fail(task("a"), .app, reason: "boom")
      ])
    #expect(
      state.handle(.failAnswered(runID: "a", FailAnswer(next: "scheduled"))) == [
        .forget(runID: "a"), .notice(.runFailed(task("a"), .app, reason: "boom", then: "scheduled")), .claim(1),
      ])
  }

  @Test func storageRefusalsPauseClaimingThenTryWithOneRun() {
    var state = holding(["a"], slots: 3)
    _ = state.handle(.runEnded(runID: "a", .failed(.storage, reason: "disk full", figures)))
    _ = state.handle(.failAnswered(runID: "a", FailAnswer(next: "ready")))
    #expect(state.handle(.wokeUp).isEmpty)
    #expect(state.handle(.pauseOver) == [.claim(1)])
    let answer = ClaimAnswer(tasks: [task("b")])
    #expect(state.handle(.claimAnswered(answer, sentAt: 0)) == [.run(task("b"), deadline: 25 * second)])
    #expect(
      state.handle(.runEnded(runID: "b", .accepted(figures))) == [
        .complete(task("b"), figures, emitted: 0, claimNext: false)
      ])
    let actions = state.handle(.completeAnswered(runID: "b", .accepted(pending("b"), next: nil), sentAt: 0))
    #expect(actions.contains(.notice(.pauseLifted)))
    #expect(actions.contains(.claim(3)))
  }

  @Test func aWorkerWithoutABrowserSaysSoAndDoesNotBlameStorage() {
    var state = holding(["a"])
    let actions = state.handle(.runEnded(runID: "a", .failed(.worker, reason: "no browser: it is gone", figures)))
    #expect(actions.contains(.fail(task("a"), .worker, reason: "no browser: it is gone")))
    let notice = WorkerNotice.paused(.worker, reason: "no browser: it is gone", .seconds(1))
    #expect(actions.contains(.notice(notice)))
    #expect("\(notice)" == "claiming nothing for 1000 ms, this worker cannot run anything: no browser: it is gone")
  }

  /// What keeps a worker from claiming is told once at a time, and the last word counts.
  @Test func othersAreToldWhyItClaimsNothingAndThatItDoesAgain() {
    var state = holding(["a"])
    let told = state.handle(.runEnded(runID: "a", .failed(.storage, reason: "disk full", figures)))
    #expect(told.contains(.tellHealth("storage: disk full")))
    #expect(state.health == "storage: disk full")
    _ = state.handle(.failAnswered(runID: "a", FailAnswer(next: "ready")))
    _ = state.handle(.wokeUp)
    _ = state.handle(.pauseOver)
    _ = state.handle(.claimAnswered(ClaimAnswer(tasks: [task("b")]), sentAt: 0))
    _ = state.handle(.runEnded(runID: "b", .accepted(figures)))
    let lifted = state.handle(.completeAnswered(runID: "b", .accepted(pending("b"), next: nil), sentAt: 0))
    #expect(!lifted.contains(.tellHealth("")))
    #expect(state.handle(.healthTold) == [.tellHealth("")])
    #expect(state.handle(.healthTold).isEmpty)
  }

  /// The worker's run of `run` crashes.
  private func crash(_ run: String, _ state: inout WorkerState) -> [WorkerAction] {
    _ = state.handle(.claimAnswered(ClaimAnswer(tasks: [task(run)]), sentAt: 0))
    _ = state.handle(.executorStarted(runID: run))
    let actions = state.handle(.runEnded(runID: run, .failed(.crash, reason: "killed", figures)))
    return actions + state.handle(.failAnswered(runID: run, FailAnswer(next: "scheduled")))
  }

  @Test func executorsThatCrashInARowStopTheClaimsForAGrowingWhile() {
    var state = worker(slots: 1)
    _ = state.handle(.ready)
    for run in ["a", "b", "c", "d"] { #expect(!crash(run, &state).contains(.startPause(.seconds(1)))) }
    let fifth = crash("e", &state)
    #expect(fifth.contains(.startPause(.seconds(1))) && fifth.contains(.tellHealth("crash: killed")))
    #expect(state.handle(.wokeUp).isEmpty)
    #expect(state.handle(.pauseOver) == [.claim(1)])
    #expect(crash("f", &state).contains(.startPause(.seconds(2))))
    #expect(state.handle(.pauseOver) == [.claim(1)])
    // A run that fails by itself had a good executor.
    _ = state.handle(.claimAnswered(ClaimAnswer(tasks: [task("g")]), sentAt: 0))
    let ended = state.handle(.runEnded(runID: "g", .failed(.app, reason: "boom", figures)))
    #expect(ended.contains(.notice(.pauseLifted)))
    _ = state.handle(.failAnswered(runID: "g", FailAnswer(next: "scheduled")))
    #expect(!crash("h", &state).contains { if case .startPause = $0 { true } else { false } })
  }

  @Test func aCrashNowAndThenStopsNothing() {
    var state = worker(slots: 1)
    _ = state.handle(.ready)
    for round in 0..<4 {
      for run in ["a", "b", "c", "d"] { #expect(crash("\(run)\(round)", &state).contains(.claim(1))) }
      _ = state.handle(.claimAnswered(ClaimAnswer(tasks: [task("ok\(round)")]), sentAt: 0))
      _ = state.handle(.runEnded(runID: "ok\(round)", .accepted(figures)))
      let next = CompleteAnswer.accepted(nil, next: nil)
      #expect(state.handle(.completeAnswered(runID: "ok\(round)", next, sentAt: 0)).contains(.claim(1)))
    }
  }

  @Test func aWorkerThatHoldsTooMuchClaimsNothingUntilItHoldsLess() {
    var state = holding(["a"])
    #expect(state.handle(.memory(isOver: true, 3 << 30)).contains(.notice(.memoryFull(3 << 30))))
    #expect(state.handle(.memory(isOver: true, 3 << 30)).isEmpty)
    #expect(state.handle(.wokeUp).isEmpty)
    #expect(
      state.handle(.runEnded(runID: "a", .accepted(figures))) == [
        .complete(task("a"), figures, emitted: 0, claimNext: false)
      ])
    let ended = state.handle(.completeAnswered(runID: "a", .accepted(nil, next: nil), sentAt: 0))
    #expect(!ended.contains(.claim(2)))
    let freed = state.handle(.memory(isOver: false, 1 << 30))
    #expect(freed.contains(.notice(.memoryFreed)) && freed.contains(.claim(2)))
  }

  @Test func aWorkerThatHoldsTooMuchWithNothingToDoEnds() {
    var state = worker()
    _ = state.handle(.ready)
    _ = state.handle(.claimAnswered(ClaimAnswer(tasks: []), sentAt: 0))
    let actions = state.handle(.memory(isOver: true, 3 << 30))
    #expect(actions.contains(.finish(.outgrown(3 << 30))))
  }

  private func expectBegin(_ pause: inout ClaimPause, _ expected: Duration?) {
    let duration = pause.begin(because: .storage, "full")
    #expect(duration == expected)
  }

  @Test func theNextPauseIsLonger() {
    var pause = ClaimPause()
    expectBegin(&pause, .seconds(1))
    expectBegin(&pause, nil)
    pause.isOver()
    expectBegin(&pause, .seconds(2))
    pause.isOver()
    let wasPaused = pause.end()
    #expect(wasPaused)
    expectBegin(&pause, .seconds(1))
  }

  @Test func drainsLetsRunsEndAndReleasesTheRest() {
    var state = holding(["a", "b"])
    #expect(
      state.handle(.drain) == [.startDrainTimer(.seconds(25)), .notice(.draining(held: 2, .seconds(25)))])
    #expect(
      state.handle(.runEnded(runID: "a", .accepted(figures))) == [
        .complete(task("a"), figures, emitted: 0, claimNext: false)
      ])
    #expect(
      state.handle(.completeAnswered(runID: "a", .accepted(pending("a"), next: nil), sentAt: 0)) == [
        .forget(runID: "a"), .settle(pending("a")), .notice(.runAccepted(task("a"), figures)),
      ])
    #expect(state.handle(.settled(count: 1)).isEmpty)
    #expect(
      state.handle(.drainTimeout) == [
        .startReleaseTimer(.seconds(5)), .notice(.releasing(held: 1)), .stop(runID: "b", .shutdown),
      ])
    #expect(
      state.handle(.runEnded(runID: "b", .failed(.crash, reason: "killed", figures))) == [
        .fail(task("b"), .release, reason: "the worker is stopping")
      ])
    #expect(state.handle(.failAnswered(runID: "b", FailAnswer(next: "ready"))).last == .finish(.drained))
  }

  @Test func aDrainEndsWithoutAnswers() {
    var state = holding(["a", "b"])
    _ = state.handle(.runEnded(runID: "a", .accepted(figures)))
    _ = state.handle(.completeAnswered(runID: "a", .accepted(pending("a"), next: nil), sentAt: 0))
    _ = state.handle(.drain)
    _ = state.handle(.drainTimeout)
    // `fail` is on its way, the claim is not answered, the record of `a` is not written.
    _ = state.handle(.runEnded(runID: "b", .failed(.crash, reason: "killed", figures)))
    #expect(
      state.handle(.releaseTimeout) == [
        .notice(.abandoning(held: 1, unsettled: 1)), .finish(.abandoned(held: 1, unsettled: 1)),
      ])
    #expect(state.handle(.settled(count: 1)).isEmpty)
  }

  @Test func aLostFleetEndsTheWorkerThoughStorageRefuses() {
    var state = holding(["a", "b"])
    _ = state.handle(.runEnded(runID: "a", .accepted(figures)))
    _ = state.handle(.completeAnswered(runID: "a", .accepted(pending("a"), next: nil), sentAt: 0))
    let error = QuarryError(.fleet, "Redis lost the fleet")
    _ = state.handle(.generationLost(error))
    _ = state.handle(.runEnded(runID: "b", .failed(.crash, reason: "killed", figures)))
    #expect(state.handle(.releaseTimeout) == [.finish(.failed(error))])
  }

  @Test func aReleaseTimerOfAnEndedDrainChangesNothing() {
    var state = holding(["a"])
    #expect(state.handle(.releaseTimeout).isEmpty)
  }

  @Test func aClaimThatArrivesWhileDrainingIsReleasedUnrun() {
    var state = worker()
    _ = state.handle(.ready)
    _ = state.handle(.drain)
    #expect(
      state.handle(.claimAnswered(ClaimAnswer(tasks: [task("a")]), sentAt: 0)) == [
        .fail(task("a"), .release, reason: "the worker is stopping")
      ])
    #expect(state.handle(.failAnswered(runID: "a", FailAnswer(next: "ready"))).last == .finish(.drained))
  }

  @Test func aSecondSignalEndsAtOnce() {
    var state = holding(["a"])
    _ = state.handle(.drain)
    #expect(state.handle(.kill) == [.stop(runID: "a", .shutdown), .finish(.killed)])
    #expect(state.handle(.heartbeat(0)).isEmpty)
  }

  @Test func anotherGenerationEndsAllRunsAndTheWorker() {
    var state = holding(["a", "b"])
    _ = state.handle(.runEnded(runID: "a", .accepted(figures)))
    let error = QuarryError(.fleet, "Redis lost the fleet")
    #expect(
      state.handle(.generationLost(error)) == [
        .startReleaseTimer(.seconds(5)), .notice(.generationLost("Redis lost the fleet")), .forget(runID: "a"),
        .stop(runID: "b", .leaseLost),
      ])
    let last = state.handle(.runEnded(runID: "b", .failed(.crash, reason: "killed", figures)))
    #expect(last.last == .finish(.failed(error)))
  }

  @Test func anotherVersionStopsTheWorkerWithItsReason() {
    var state = holding(["a"])
    let actions = state.handle(.runEnded(runID: "a", .failed(.versionMismatch, reason: "executor 0.2.0", figures)))
    #expect(actions.first == .fail(task("a"), .versionMismatch, reason: "executor 0.2.0"))
    guard case .finish(.failed(let error)) = state.handle(.failAnswered(runID: "a", FailAnswer(next: "ready"))).last
    else {
      Issue.record("the worker goes on")
      return
    }
    #expect(error.message.contains("executor 0.2.0"))
  }

  @Test func tooManyUnsettledRunsStopClaiming() {
    var state = worker(slots: 1)
    _ = state.handle(.ready)
    _ = state.handle(.claimAnswered(ClaimAnswer(tasks: [task("0")]), sentAt: 0))
    var run = 0
    while true {
      let ended = state.handle(.runEnded(runID: "\(run)", .accepted(figures)))
      guard ended == [.complete(task("\(run)"), figures, emitted: 0, claimNext: true)] else { break }
      let next = ClaimAnswer(tasks: [task("\(run + 1)")])
      _ = state.handle(.completeAnswered(runID: "\(run)", .accepted(pending("\(run)"), next: next), sentAt: 0))
      run += 1
    }
    #expect(run == 68)
    let stuck = state.handle(.completeAnswered(runID: "\(run)", .accepted(pending("x"), next: nil), sentAt: 0))
    #expect(!stuck.contains(.claim(1)))
    #expect(state.handle(.settled(count: 10)) == [.claim(1)])
  }

  @Test func theMarginIsASixthOfAShortLease() {
    #expect(LeaseTiming(lease: .seconds(3)).margin == .milliseconds(500))
    #expect(LeaseTiming(lease: .seconds(30)).margin == .seconds(5))
    #expect(LeaseTiming(lease: .seconds(120)).margin == .seconds(5))
  }

  @Test func aPausedWorkerTakesNoWakeUpAndAsksWithEachRenewal() {
    var state = worker()
    _ = state.handle(.ready)
    let paused = ClaimAnswer(tasks: [], isPaused: true)
    #expect(state.handle(.claimAnswered(paused, sentAt: 0)) == [.notice(.held)])
    #expect(state.handle(.renewed(RenewAnswer(), named: [], sentAt: 0)).last == .claim(2))
    #expect(state.handle(.claimAnswered(paused, sentAt: 0)).isEmpty)
    _ = state.handle(.renewed(RenewAnswer(), named: [], sentAt: 0))
    let actions = state.handle(.claimAnswered(ClaimAnswer(tasks: [task("a")]), sentAt: 0))
    #expect(actions.first == .notice(.holdLifted) && actions.last == .awaitWork(.seconds(5)))
  }

  @Test func aWorkerThatIsToldToLeaveDrainsOnce() {
    var state = holding(["a"])
    let told = RenewAnswer(mustDrain: true)
    let actions = state.handle(.renewed(told, named: ["a"], sentAt: 0))
    #expect(actions.contains(.notice(.dismissed)) && actions.contains(.startDrainTimer(.seconds(25))))
    #expect(!state.handle(.renewed(told, named: ["a"], sentAt: 0)).contains(.notice(.dismissed)))
    _ = state.handle(.runEnded(runID: "a", .accepted(figures)))
    _ = state.handle(.completeAnswered(runID: "a", .accepted(nil, next: nil), sentAt: 0))
    #expect(state.phase == .ended)
  }

  @Test func aCancelledRunIsStoppedAndThenGivenUp() {
    var state = holding(["a", "b"])
    let cancelled = RenewAnswer(cancelled: ["a"])
    #expect(state.handle(.renewed(cancelled, named: ["a", "b"], sentAt: 0)).contains(.stop(runID: "a", .cancelled)))
    let failed = TaskResult.failed(.crash, reason: "killed", RunFigures(outcome: .executorCrash))
    #expect(
      state.handle(.runEnded(runID: "a", failed)) == [.fail(task("a"), .release, reason: "its task was cancelled")])
    #expect(
      state.handle(.failAnswered(runID: "a", FailAnswer(next: "cancelled"))) == [
        .forget(runID: "a"), .notice(.runSuperseded(task("a"), reason: "its task was cancelled")), .claim(1),
      ])
  }

  /// The queue does not say then where the task is: it may be scheduled again.
  @Test(arguments: ["ended", "stale", "gone"]) func aFailureThatComesLateDoesNotCount(_ why: String) {
    var state = holding(["a"])
    _ = state.handle(.runEnded(runID: "a", .failed(.app, reason: "boom", RunFigures(outcome: .scriptError))))
    #expect(
      state.handle(.failAnswered(runID: "a", FailAnswer(next: why))) == [
        .forget(runID: "a"), .notice(.runSuperseded(task("a"), reason: "its lease is lost")),
      ])
  }
}

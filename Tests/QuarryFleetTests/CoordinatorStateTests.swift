import QuarryCore
import Testing

import QuarryFleet

/// The coordinator's decisions as transcripts.
@Suite(.timeLimit(.minutes(5))) struct CoordinatorStateTests {
  private let second: UInt64 = 1_000_000_000

  private func following(allowedDead: Int = 0) -> CoordinatorState {
    var state = CoordinatorState(jobID: "job", allowedDead: allowedDead, startedAt: 0)
    #expect(state.handle(.submitted) == [.readStatus])
    return state
  }

  private func status(_ change: (inout JobStatus) -> Void) -> JobStatus {
    var status = JobStatus()
    status.workers = 1
    status.eligibleWorkers = 1
    change(&status)
    return status
  }

  private func summary(of actions: [CoordinatorAction]) -> CoordinatorSummary? {
    guard case .finish(.summary(let summary)) = actions.last else { return nil }
    return summary
  }

  @Test func eventsAreReadInAtAPaceNotOneByOne() {
    var state = following()
    _ = state.handle(.status(status { $0.ready = 5 }, at: second))
    #expect(state.handle(.changed(at: second + 300_000_000)) == [.readStatus])
    #expect(state.handle(.changed(at: second + 310_000_000)).isEmpty)
    _ = state.handle(.status(status { $0.ready = 4 }, at: second + 320_000_000))
    #expect(state.handle(.changed(at: second + 330_000_000)).isEmpty)
    #expect(state.handle(.tick(at: second + 600_000_000)) == [.readStatus])
    _ = state.handle(.status(status { $0.ready = 3 }, at: second + 610_000_000))
    #expect(state.handle(.tick(at: second + 900_000_000)).isEmpty)
    #expect(state.handle(.tick(at: 3 * second)) == [.readStatus])
  }

  @Test func rateAndTimeLeftComeFromTheWindow() {
    var state = following()
    _ = state.handle(.status(status { $0.ready = 100 }, at: second))
    _ = state.handle(.tick(at: 3 * second))
    let actions = state.handle(.status(status { ($0.done, $0.ready) = (20, 80) }, at: 3 * second))
    guard case .report(let progress) = actions.first else {
      Issue.record("no report")
      return
    }
    #expect(progress.perSecond == 10)
    #expect(progress.timeLeft == .seconds(8))
  }

  @Test func aSummarysRateIsOfWhatWasSeen() {
    var state = following()
    _ = state.handle(.status(status { ($0.done, $0.ready) = (53, 36) }, at: second))
    _ = state.handle(.tick(at: 5 * second))
    let done = status { ($0.done, $0.rootState, $0.isFinished) = (89, "done", true) }
    #expect(summary(of: state.handle(.status(done, at: 5 * second)))?.perSecond == 9)

    var late = following()
    let found = summary(of: late.handle(.status(done, at: second)))
    #expect(found?.status.done == 89 && found?.perSecond == nil)
  }

  @Test func aJobWithoutAnEligibleWorkerSaysSoOnceWithinFiveSeconds() {
    var state = following()
    let lonely = status { ($0.ready, $0.workers, $0.eligibleWorkers) = (1, 2, 0) }
    _ = state.handle(.status(lonely, at: second))
    _ = state.handle(.tick(at: 4 * second))
    #expect(state.handle(.status(lonely, at: 4 * second)).allSatisfy { $0 != .notice(.noEligibleWorker(workers: 2)) })
    _ = state.handle(.tick(at: 5 * second))
    #expect(state.handle(.status(lonely, at: 5 * second)).contains(.notice(.noEligibleWorker(workers: 2))))
    _ = state.handle(.tick(at: 6 * second))
    #expect(!state.handle(.status(lonely, at: 6 * second)).contains(.notice(.noEligibleWorker(workers: 2))))
  }

  @Test func aFinishedJobIsSummedUpWithDeathsGrouped() {
    var state = following(allowedDead: 2)
    let done = status { ($0.done, $0.dead, $0.rootState, $0.isFinished) = (7, 3, "done", true) }
    #expect(state.handle(.status(done, at: second)).last == .readDeaths)
    let deaths = ["boom", "boom", "404"].enumerated().map {
      Death(taskID: "t\($0)", target: "detail.ts", kind: "app", error: "\($1)\n  at line 3")
    }
    let summary = summary(of: state.handle(.deaths(deaths)))
    #expect(summary?.deaths.map(\.error) == ["boom", "404"])
    #expect(summary?.deaths.map(\.count) == [2, 1])
    #expect(summary?.exitCode == 1)
  }

  @Test func theExitCodeAsksForTheRootAndFewDead() {
    var state = following(allowedDead: 1)
    let done = status { ($0.done, $0.dead, $0.rootState, $0.isFinished) = (7, 1, "done", true) }
    _ = state.handle(.status(done, at: second))
    #expect(summary(of: state.handle(.deaths([])))?.exitCode == 0)

    var failing = following(allowedDead: 1)
    let rootDead = status { ($0.dead, $0.rootState, $0.isFinished) = (1, "dead", true) }
    _ = failing.handle(.status(rootDead, at: second))
    #expect(summary(of: failing.handle(.deaths([])))?.exitCode == 1)
  }

  @Test func anInterruptLeavesTheJobToTheWorkers() {
    var state = following()
    _ = state.handle(.status(status { $0.ready = 5 }, at: second))
    #expect(state.handle(.interrupt) == [.holdAdmission])
    #expect(state.handle(.interrupt).isEmpty)
    let summary = summary(of: state.handle(.admissionHeld(true)))
    #expect(summary?.isInterrupted == true && summary?.isHeld == true)
    #expect(summary?.exitCode == 1)
    #expect(state.handle(.tick(at: 9 * second)).isEmpty)
  }

  @Test func anInterruptStillTellsWhyTasksDied() {
    var state = following()
    _ = state.handle(.status(status { ($0.ready, $0.dead) = (5, 21) }, at: second))
    #expect(state.handle(.interrupt) == [.holdAdmission])
    #expect(state.handle(.admissionHeld(false)) == [.readDeaths])
    let death = Death(taskID: "t", target: "detail.ts", kind: "app", error: "boom")
    let summary = summary(of: state.handle(.deaths([death])))
    #expect(summary?.isInterrupted == true && summary?.deaths.map(\.error) == ["boom"])
  }

  @Test func anInterruptDoesNotWaitForARedisThatIsAway() {
    var state = following()
    _ = state.handle(.status(status { ($0.ready, $0.dead) = (5, 21) }, at: second))
    _ = state.handle(.interrupt)
    #expect(state.handle(.tick(at: 2 * second)).isEmpty)
    #expect(summary(of: state.handle(.tick(at: 3 * second)))?.isInterrupted == true)
  }

  @Test func workersThatClaimNothingAreSaidOnceWhenNothingEnds() {
    var state = following()
    func standing(_ done: Int) -> JobStatus { status { ($0.ready, $0.leased, $0.done) = (5, 2, done) } }
    let notice = CoordinatorAction.notice(.workersUnwell(workers: 1, health: "storage: full"))
    func read(_ done: Int, at time: UInt64) -> [CoordinatorAction] {
      _ = state.handle(.tick(at: time * second))
      return state.handle(.status(standing(done), at: time * second))
    }
    #expect(!read(3, at: 1).contains(.readHealth))
    #expect(!read(4, at: 4).contains(.readHealth), "a task has just ended")
    #expect(!read(4, at: 7).contains(.readHealth))
    #expect(read(4, at: 8).contains(.readHealth))
    #expect(!read(4, at: 9).contains(.readHealth), "it was looked a moment ago")
    #expect(state.handle(.allUnwell(workers: 1, health: "storage: full")) == [notice])
    #expect(state.handle(.allUnwell(workers: 1, health: "storage: full")).isEmpty)
    #expect(!read(4, at: 20).contains(.readHealth))
    #expect(!read(5, at: 21).contains(.readHealth))
    #expect(read(5, at: 25).contains(.readHealth), "it got through meanwhile")
  }

  @Test func whatIsWaitedForIsSaidOnceWhenItLasts() {
    var state = following()
    let due = Timestamp(nanoseconds: 1_900_000_000_000_000_000)
    let waiting = status { ($0.scheduled, $0.nextDue) = (2, due) }
    let notice = CoordinatorAction.notice(.waiting(tasks: 2, until: due))
    #expect(!state.handle(.status(waiting, at: second)).contains(notice), "a wait between tries is nothing to tell")
    _ = state.handle(.tick(at: 5 * second))
    #expect(state.handle(.status(waiting, at: 5 * second)).contains(notice))
    _ = state.handle(.tick(at: 6 * second))
    #expect(!state.handle(.status(waiting, at: 6 * second)).contains(notice))
    #expect(
      CoordinatorNotice.waiting(tasks: 2, until: due).text(FleetFlags())
        == "nothing to run now: 2 tasks wait, the next task is due at 2030-03-17T17:46:40.000Z")
  }

  /// Typed as they stand they reach the same fleet.
  @Test(
    arguments: [
      (.noEligibleWorker(workers: 0), "quarry worker --redis R --storage-path S"),
      (.noEligibleWorker(workers: 2), "`quarry list workers --redis R`"),
      (.workersUnwell(workers: 2, health: "storage: full"), "`quarry list workers --redis R`"),
      (.submissionRejected("x"), "`quarry list rejects --redis R`"),
      (.held(.pause, jobID: "j", isFleetPaused: false), "quarry resume job j --redis R"),
      (.held(nil, jobID: "j", isFleetPaused: true), "quarry resume fleet --redis R"),
    ] as [(CoordinatorNotice, String)])
  func noticesNameWholeCommands(_ notice: CoordinatorNotice, _ command: String) {
    let text = notice.text(FleetFlags(fleet: " --redis R", storage: " --storage-path S"))
    #expect(text.contains(command), "\(text)")
  }

  @Test func aLostGenerationIsNeverReportedFinished() {
    var state = following()
    let error = QuarryError(.fleet, "Redis lost the fleet")
    #expect(state.handle(.generationLost(error)) == [.finish(.failed(error))])
    #expect(state.handle(.status(status { $0.isFinished = true }, at: second)).isEmpty)
  }

  @Test func whatHoldsAJobBackIsSaidOnceAndIsNoLackOfWorkers() {
    var state = following()
    let paused = status { ($0.ready, $0.eligibleWorkers, $0.hold) = (3, 0, .pause) }
    let notice = CoordinatorAction.notice(.held(.pause, jobID: "job", isFleetPaused: false))
    #expect(state.handle(.status(paused, at: second)).first == notice)
    _ = state.handle(.tick(at: 9 * second))
    let later = state.handle(.status(paused, at: 9 * second))
    #expect(!later.contains(notice) && !later.contains(.notice(.noEligibleWorker(workers: 1))))
    _ = state.handle(.tick(at: 11 * second))
    let resumed = state.handle(.status(status { $0.ready = 3 }, at: 11 * second))
    #expect(resumed.first == .notice(.held(nil, jobID: "job", isFleetPaused: false)))
  }
}

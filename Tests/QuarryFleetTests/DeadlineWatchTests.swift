import QuarryCore
import QuarryFleet
import Testing

/// Whose deadline has passed is told, once, and nobody else; all by a clock that the test moves.
@Suite(.timeLimit(.minutes(5))) struct DeadlineWatchTests {
  private let time = ManualClock()
  private let lost = Recorder<String>()
  private let watch: DeadlineWatch

  init() {
    watch = DeadlineWatch(clock: time.clock) { [lost] event in
      guard case .entitlementLost(let run, .leaseLost) = event else {
        Issue.record("\(event)")
        return
      }
      lost.add(run)
    }
  }

  private func whileWatching(_ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [watch] in await watch.run() }
      try await body()
      group.cancelAll()
    }
  }

  /// Somebody looks at this time, and has not yet.
  private func waitForTimer(_ until: UInt64) async throws { try await time.sleeps.wait { $0.contains(until) } }

  @Test func aRunWhoseDeadlinePassesHasLostItsLease() async throws {
    watch.watch("a", RunControl(deadline: 100))
    watch.watch("b", RunControl(deadline: 100))
    try await whileWatching {
      try await waitForTimer(100)
      #expect(lost.all.isEmpty)
      time.move(to: 100)
      try await lost.wait(for: 2)
    }
    #expect(lost.all == ["a", "b"])
  }

  @Test func aRenewalMovesIt() async throws {
    let control = RunControl(deadline: 100)
    watch.watch("a", control)
    try await whileWatching {
      try await waitForTimer(100)
      control.extend(to: 150)
      time.move(to: 100)
      try await waitForTimer(150)
      #expect(lost.all.isEmpty)
      time.move(to: 150)
      try await lost.wait(for: 1)
    }
  }

  @Test func aRunThatIsForgottenOrHasNoDeadlineIsNotWatched() async throws {
    watch.watch("a", RunControl(deadline: 100))
    watch.watch("b", RunControl(deadline: 200))
    watch.watch("c", RunControl())
    watch.forget("a")
    try await whileWatching {
      try await waitForTimer(100)
      time.move(to: 100)
      try await waitForTimer(200)
      time.move(to: 200)
      try await lost.wait(for: 1)
    }
    #expect(lost.all == ["b"])
  }

  @Test func anEarlierDeadlineComesFirstAndTheLaterOneIsToldOnce() async throws {
    watch.watch("late", RunControl(deadline: 200))
    try await whileWatching {
      try await waitForTimer(200)
      watch.watch("early", RunControl(deadline: 100))
      try await waitForTimer(100)
      time.move(to: 100)
      try await lost.wait(for: 1)
      time.move(to: 200)
      try await lost.wait(for: 2)
      // Somebody looks at all others once more.
      watch.watch("last", RunControl(deadline: 300))
      try await waitForTimer(300)
      time.move(to: 300)
      try await lost.wait(for: 3)
    }
    #expect(lost.all == ["early", "late", "last"])
  }
}

import QuarryCore

/// Takes back what expired, every two seconds and, for the leader, as soon as a lease that nobody renews is over, and settles
/// what nobody else will: entries of workers that are gone and tasks that died by expiry.
struct Reaper: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let leadership: Leadership
  let settler: Settler
  let clock: FleetClock
  let interval: Duration
  /// A live worker writes its own entries within this time.
  let patience: Duration

  static let batch = 500
  /// Between two ticks at least.
  static let shortestPause = Duration.milliseconds(20)

  /// The two go on beside each other: a ledger that refuses must not keep expired leases from being taken back.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await whileLeading { await reap($0) } }
      group.addTask {
        await whileLeading { _ in
          await settleLeftovers()
          return interval
        }
      }
    }
  }

  /// - Parameter duty: returns how long it rests.
  private func whileLeading(_ duty: (Leadership.Right) async -> Duration) async {
    while !Task.isCancelled {
      var pause = interval
      if let right = leadership.current { pause = await duty(right) }
      await clock.sleep(pause)
    }
  }

  private func reap(_ right: Leadership.Right) async -> Duration {
    while !Task.isCancelled {
      let requestID = UUIDv7.make()
      let answer = await caller.call { () async throws(QuarryError) in
        try await queue.reap(limit: Self.batch, term: right.term, requestID: requestID)
      }
      guard let answer, answer.taken >= Self.batch else {
        // Workers do it while nobody leads: not all of them at once for one lease.
        guard case .coordinator = right, let next = answer?.untilNextTick else { return interval }
        return min(interval, max(Self.shortestPause, next))
      }
    }
    return interval
  }

  private func settleLeftovers() async {
    while !Task.isCancelled {
      let entries = await caller.call { () async throws(QuarryError) in
        try await queue.pendingEntries(olderThan: patience, limit: Self.batch)
      }
      guard let entries, !entries.isEmpty else { return }
      let refused = await settler.settle(entries)
      guard refused.isEmpty, entries.count >= Self.batch else { return }
    }
  }
}

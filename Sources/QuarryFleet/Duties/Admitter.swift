import QuarryCore

/// Turns derived work into tasks: takes the outbox in batches whenever something is in it.
struct Admitter: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let leadership: Leadership
  let clock: FleetClock
  let interval: Duration

  static let batch = 500

  func run() async {
    while !Task.isCancelled {
      if let right = leadership.current { await serve(right) }
      await clock.sleep(interval)
    }
  }

  /// Admits until Redis says that another leads, and asks it after each wake-up: one that was meant for another is
  /// handed on by that question.
  private func serve(_ right: Leadership.Right) async {
    while !Task.isCancelled, let taken = await admit(right) {
      guard let taken else { return leadership.resign(right) }
      if taken == 0 {
        _ = await caller.call { () async throws(QuarryError) in try await queue.waitForOutbox(upTo: .seconds(5)) }
      }
    }
  }

  private func admit(_ right: Leadership.Right) async -> Int?? {
    let requestID = UUIDv7.make()
    return await caller.call { () async throws(QuarryError) in
      try await queue.admit(limit: Self.batch, term: right.term, requestID: requestID)
    }
  }
}

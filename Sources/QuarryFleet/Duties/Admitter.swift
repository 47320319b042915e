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
      guard let right = leadership.current else {
        await clock.sleep(interval)
        continue
      }
      if await admit(right) == 0 {
        _ = await caller.call { () async throws(QuarryError) in try await queue.waitForOutbox(upTo: .seconds(5)) }
      }
    }
  }

  private func admit(_ right: Leadership.Right) async -> Int {
    let requestID = UUIDv7.make()
    return await caller.call { () async throws(QuarryError) in
      try await queue.admit(limit: Self.batch, term: right.term, requestID: requestID)
    } ?? 0
  }
}

import QuarryCore

/// Reads the fleet's event stream from now on.
struct EventFollower: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller

  /// Returns when the calling task was cancelled, or when there is nothing to follow any more.
  /// - Parameter take: gets what one read brings, never nothing.
  func follow(_ take: ([FleetEvent]) -> Void) async {
    guard var last = await caller.call({ () async throws(QuarryError) in try await queue.lastEventID() }) else {
      return
    }
    while !Task.isCancelled {
      let after = last
      let events = await caller.call { () async throws(QuarryError) in
        try await queue.events(after: after, upTo: .seconds(5))
      }
      guard let events else { return }
      guard let newest = events.last else { continue }
      last = newest.id
      take(events)
    }
  }
}

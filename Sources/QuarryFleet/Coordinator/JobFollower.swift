import QuarryCore

/// Reads the fleet's event stream and says when something happened to the job: progress costs one small read a
/// change, never a look at all tasks.
struct JobFollower: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let jobID: String
  let clock: FleetClock
  let report: @Sendable (CoordinatorEvent) -> Void

  func run() async {
    guard var last = await caller.call({ () async throws(QuarryError) in try await queue.lastEventID() }) else {
      return
    }
    while !Task.isCancelled {
      let after = last
      let events = await caller.call { () async throws(QuarryError) in
        try await queue.events(after: after, upTo: .seconds(5))
      }
      guard let events else { return }  // Cancelled, or nothing to follow any more.
      guard let newest = events.last else { continue }
      last = newest.id
      if events.contains(where: { $0.jobID == jobID }) { report(.changed(at: clock.boot())) }
    }
  }

  func tick() async {
    while !Task.isCancelled {
      await clock.sleep(.nanoseconds(Int64(CoordinatorState.pace)))
      report(.tick(at: clock.boot()))
    }
  }
}

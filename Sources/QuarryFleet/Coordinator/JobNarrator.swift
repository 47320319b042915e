import QuarryCore

/// Tells which jobs of a fleet end, from its events.
struct JobNarrator: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let notice: @Sendable (CoordinatorNotice) -> Void

  func run() async {
    guard var last = await caller.call({ () async throws(QuarryError) in try await queue.lastEventID() }) else {
      return
    }
    while !Task.isCancelled {
      let after = last
      let events = await caller.call { () async throws(QuarryError) in
        try await queue.events(after: after, upTo: .seconds(5))
      }
      guard let events else { return }  // Cancelled, or nothing to tell any more.
      last = events.last?.id ?? last
      for event in events where event.type == "job_finished" {
        if let jobID = event.jobID { notice(.jobFinished(jobID: jobID)) }
      }
    }
  }
}

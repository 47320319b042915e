import QuarryCore

/// Tells which jobs of a fleet end, from its events.
struct JobNarrator: Sendable {
  let events: EventFollower
  let notice: @Sendable (CoordinatorNotice) -> Void

  func run() async {
    await events.follow { events in
      for event in events where event.type == "job_finished" {
        if let jobID = event.jobID { notice(.jobFinished(jobID: jobID)) }
      }
    }
  }
}

import QuarryCore

/// Tells which jobs of a fleet end, and what is wrong with its keys, from its events.
struct JobNarrator: Sendable {
  let events: EventFollower
  let notice: @Sendable (CoordinatorNotice) -> Void

  func run() async {
    await events.follow { events in
      for event in events {
        if event.type == "job_finished", let jobID = event.jobID { notice(.jobFinished(jobID: jobID)) }
        if let damage = CoordinatorNotice(damage: event) { notice(damage) }
      }
    }
  }
}

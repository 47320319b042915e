import QuarryCore

/// Reads the fleet's event stream and says when something happened to the job: progress costs one small read a
/// change, never a look at all tasks.
struct JobFollower: Sendable {
  let events: EventFollower
  let jobID: String
  let clock: FleetClock
  let notice: @Sendable (CoordinatorNotice) -> Void
  let report: @Sendable (CoordinatorEvent) -> Void

  func run() async {
    await events.follow { events in
      for damage in events.compactMap(CoordinatorNotice.init(damage:)) { notice(damage) }
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

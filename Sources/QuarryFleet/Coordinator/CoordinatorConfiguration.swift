import QuarryCore

/// What a coordinator is to do.
package enum CoordinatorTask: Sendable {
  /// Submits a job and follows it.
  case submit(JobRequest)
  /// Lifts what holds a job back, and follows it.
  case resume(String, StorageIdentity)
  /// Brings jobs back from their ledgers; follows a single one, else serves them and whatever is submitted.
  case rebuild([String], StorageIdentity, RetryBudgets, LeaseTiming)
  /// Serves whatever is submitted, until it is interrupted.
  case serve
}

/// What a coordinator is told besides.
package struct CoordinatorConfiguration: Sendable {
  package var fleet = "default"
  /// Unique among all coordinators of the fleet.
  package var coordinatorID = ProcessName.make()
  /// Dead tasks that still count as success.
  package var allowedDead = 0
  /// Between two ticks of the reaper.
  package var dutyInterval = Duration.seconds(2)
  /// How old an unrecorded end must be before this process records it for the one that should have.
  package var patience = LeaseTiming().lease

  package init() {}
}

import QuarryCore

/// What a one-shot coordinator is told besides its job.
package struct CoordinatorConfiguration: Sendable {
  package var fleet = "default"
  /// Unique among all coordinators of the fleet.
  package var coordinatorID = ProcessName.make()
  /// Dead tasks that still count as success.
  package var allowedDead = 0
  /// Between two ticks of the reaper.
  package var dutyInterval = Duration.seconds(2)

  package init() {}
}

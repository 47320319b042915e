import QuarryCore

/// How long a claim holds, and what follows from it for the process that holds it.
package struct LeaseTiming: Sendable, Equatable {
  /// Until Redis may give the task to another worker, counted from the last renewal.
  package var lease: Duration
  /// Between two renewals; at most a third of the lease keeps one lost reply harmless.
  package var heartbeat: Duration

  package init(lease: Duration = .seconds(30), heartbeat: Duration = .seconds(10)) {
    self.lease = lease
    self.heartbeat = heartbeat
  }

  /// How long before the lease's end the executor is killed: 5 s, for leases under 30 s a sixth of the lease.
  package var margin: Duration { min(.seconds(5), lease / 6) }

  /// When the shepherd must have killed the executor's tree.
  /// - Parameter sentAt: boot-time nanoseconds at which the claim or the last good renewal was *sent*: Redis counts
  ///   the lease from a later moment, so that this is never too late.
  package func deadline(sentAt: UInt64) -> UInt64 { sentAt + (lease - margin).nanoseconds }
}

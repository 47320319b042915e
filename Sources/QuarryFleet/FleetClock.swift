import Glibc
import QuarryCore

/// The clocks of worker and coordinator, injected so that tests and simulations own time.
package struct FleetClock: Sendable {
  /// Nanoseconds of the boot-time clock, which also runs while the machine sleeps; deadlines of leases are in it.
  package var boot: @Sendable () -> UInt64
  /// The wall clock, for timestamps in records and notifications; never for a lease.
  package var wall: @Sendable () -> Timestamp
  /// Returns early, without an error, when the calling task is cancelled.
  package var sleep: @Sendable (Duration) async -> Void

  package init(
    boot: @escaping @Sendable () -> UInt64, wall: @escaping @Sendable () -> Timestamp,
    sleep: @escaping @Sendable (Duration) async -> Void
  ) {
    self.boot = boot
    self.wall = wall
    self.sleep = sleep
  }

  package static let system = FleetClock(
    boot: {
      var time = timespec()
      clock_gettime(CLOCK_BOOTTIME, &time)
      return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    },
    wall: { Timestamp.now() },
    // Its only error says that the task was cancelled, which ends the sleep.
    sleep: { duration in try? await Task.sleep(for: duration) })
}

extension Duration {
  /// Whole nanoseconds; negative durations count as zero.
  var nanoseconds: UInt64 {
    guard self > .zero else { return 0 }
    return UInt64(components.seconds) * 1_000_000_000 + UInt64(components.attoseconds / 1_000_000_000)
  }
}

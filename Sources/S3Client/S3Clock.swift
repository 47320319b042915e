import Glibc

/// Time and chance, so that tests decide about both.
package struct S3Clock: Sendable {
  /// Unix seconds, as this machine believes.
  package var now: @Sendable () -> Int
  /// A clock that nobody sets.
  package var uptime: @Sendable () -> Duration
  /// Blocks the calling thread.
  package var sleep: @Sendable (Duration) -> Void
  /// From 0 to 1.
  package var random: @Sendable () -> Double

  package init(
    now: @escaping @Sendable () -> Int, uptime: @escaping @Sendable () -> Duration,
    sleep: @escaping @Sendable (Duration) -> Void, random: @escaping @Sendable () -> Double
  ) {
    self.now = now
    self.uptime = uptime
    self.sleep = sleep
    self.random = random
  }

  package static let system = S3Clock(
    now: { read(CLOCK_REALTIME).tv_sec },
    uptime: {
      let time = read(CLOCK_MONOTONIC)
      return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    },
    sleep: { block(for: $0) }, random: { Double.random(in: 0...1) })

  private static func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    clock_gettime(clock, &time)
    return time
  }

  private static func block(for duration: Duration) {
    let (seconds, attoseconds) = duration.components
    var left = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    var asked = left
    while nanosleep(&asked, &left) != 0, errno == EINTR { asked = left }
  }
}

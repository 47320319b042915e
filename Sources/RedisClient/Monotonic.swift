import Glibc

/// A point of the monotonic clock, in nanoseconds.
struct Monotonic: Comparable, Sendable {
  var nanoseconds: Int64

  static func now() -> Monotonic {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Monotonic(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  static let distantFuture = Monotonic(nanoseconds: .max)

  static func < (left: Monotonic, right: Monotonic) -> Bool { left.nanoseconds < right.nanoseconds }

  static func + (point: Monotonic, duration: Duration) -> Monotonic {
    let (seconds, attoseconds) = duration.components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return .distantFuture }
    let (sum, tooFar) = point.nanoseconds.addingReportingOverflow(product + attoseconds / 1_000_000_000)
    return tooFar ? .distantFuture : Monotonic(nanoseconds: sum)
  }

  /// What poll(2) takes to sleep from now until this point: rounded up, -1 for ever.
  var pollTimeout: Int32 {
    guard self < .distantFuture else { return -1 }
    let rest = nanoseconds - Monotonic.now().nanoseconds
    return rest <= 0 ? 0 : Int32(clamping: (rest + 999_999) / 1_000_000)
  }
}

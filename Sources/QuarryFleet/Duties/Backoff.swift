import QuarryCore

/// Waits between tries against something that is away: 0.1 s · 2ⁿ up to 20 s, each drawn from its upper half.
struct Backoff: Sendable {
  private var failures = 0
  private let first: Duration
  private let longest: Duration

  init(first: Duration = .milliseconds(100), longest: Duration = .seconds(20)) {
    self.first = first
    self.longest = longest
  }

  /// - Parameter draw: uniform in 0 …< 1.
  mutating func next(draw: Double) -> Duration {
    let full = min(first * (1 << min(failures, 16)), longest)
    failures += 1
    return full * (0.5 + draw / 2)
  }

  var hasFailed: Bool { failures > 0 }

  mutating func reset() { failures = 0 }
}

import QuarryCore

/// When a document is looked at again.
package struct LivePace {
  /// Reading takes at most this part of the time, as `1 / share`, whatever it costs. What fails has mostly waited.
  private static let (share, failedShare) = (10, 1)
  /// A crawl has moments in which nothing runs: what has changed lately is looked at a while longer.
  private static let linger = Duration.seconds(30)

  /// Between the end of a look and the next one.
  private let interval: Duration
  private var beganAt: ContinuousClock.Instant?
  private var changedAt: ContinuousClock.Instant?
  private var mayChange: Bool
  private(set) var nextAt: ContinuousClock.Instant?

  /// - Parameter mayChange: whether what was read says that more is to come.
  init(interval: Duration = .seconds(1), mayChange: Bool) {
    self.interval = interval
    self.mayChange = mayChange
    nextAt = mayChange ? .now + interval : nil
  }

  /// Whether it is looked at again without being asked for.
  var isLive: Bool { mayChange || changedAt.map { .now - $0 < Self.linger } ?? false }

  mutating func begin() {
    beganAt = .now
    nextAt = nil
  }

  /// - Parameter hasChanged: compared with what was read before.
  mutating func end(mayChange: Bool, hasChanged: Bool) {
    if hasChanged { changedAt = .now }
    self.mayChange = mayChange
    schedule(Self.share)
  }

  /// It could not be read; that may pass.
  mutating func fail() { schedule(Self.failedShare) }

  private mutating func schedule(_ share: Int) {
    let took = beganAt.map { .now - $0 } ?? .zero
    nextAt = isLive ? .now + max(interval, took * share) : nil
  }
}

import QuarryCore

/// How far a job is, at one moment.
package struct Progress: Sendable, Equatable {
  package var status: JobStatus
  package var elapsed: Duration
  /// Ends of tasks a second over the last ten seconds; nil before there are two readings.
  package var perSecond: Double?
  /// For what is known to remain; nil while nothing ends.
  package var timeLeft: Duration?

  package var done: Int { status.done }
  package var running: Int { status.leased }
  /// Ready, and emitted but not yet admitted.
  package var queued: Int { status.ready + status.outbox }
  package var scheduled: Int { status.scheduled }
  package var dead: Int { status.dead }
  package var retried: Int { status.retried }

  package init(status: JobStatus, elapsed: Duration, perSecond: Double?, timeLeft: Duration?) {
    self.status = status
    self.elapsed = elapsed
    self.perSecond = perSecond
    self.timeLeft = timeLeft
  }
}

/// Rate of a growing count over a sliding window.
package struct ThroughputMeter: Sendable, Equatable {
  private struct Reading: Sendable, Equatable {
    var at: UInt64
    var count: Int
  }
  private let window: UInt64
  private var readings: [Reading] = []

  package init(window: Duration = .seconds(10)) { self.window = window.nanoseconds }

  /// - Parameter at: nanoseconds of a clock that never goes back.
  package mutating func add(_ count: Int, at: UInt64) {
    if let last = readings.last, at < last.at + 200_000_000, readings.count > 1 { readings.removeLast() }
    readings.append(Reading(at: at, count: count))
    while readings.count > 2, readings[1].at + window <= at { readings.removeFirst() }
  }

  /// Counts a second between the window's two ends.
  package var perSecond: Double? {
    guard let first = readings.first, let last = readings.last, last.at > first.at else { return nil }
    return Double(last.count - first.count) * 1e9 / Double(last.at - first.at)
  }
}

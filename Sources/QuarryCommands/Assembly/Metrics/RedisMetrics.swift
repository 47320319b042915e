import QuarryCore
import QuarryFleet
import QuarryMetrics
import RedisClient
import Synchronization

/// What a process knows of its Redis.
final class RedisMetrics: Sendable {
  let tally = RedisTally()
  private let trouble = Mutex<RedisTrouble?>(nil)

  private var answers: Bool {
    if case .away = trouble.withLock({ $0 }) { false } else { true }
  }

  func note(_ trouble: RedisTrouble?) { self.trouble.withLock { $0 = trouble } }

  /// Why a process that needs it is not well.
  var ailment: String? {
    switch trouble.withLock({ $0 }) {
    case .away: "Redis does not answer"
    case .refuses: "Redis refuses"
    case nil: nil
    }
  }

  var families: [MetricFamily] {
    [
      MetricFamily(.gauge, "quarry_redis_up", "1 while Redis answers this process.", answers ? 1 : 0),
      MetricFamily(
        .counter, "quarry_redis_round_trips_total", "Exchanges with Redis; what travels together is one.",
        Double(tally.roundTrips)),
      MetricFamily(
        .counter, "quarry_redis_errors_total",
        "Calls that failed: outage (no answer in time, no connection) or reply (Redis answered an error).", by: "kind",
        [("outage", Double(tally.failures)), ("reply", Double(tally.refusals))]),
    ]
  }
}

/// What every process says of itself.
enum OwnMetrics {
  static var families: [MetricFamily] {
    [
      MetricFamily(.gauge, "quarry_build_info", "1; the label is the version.", by: "version", [(Version.current, 1)])
    ] + ProcessFigures.families
  }
}

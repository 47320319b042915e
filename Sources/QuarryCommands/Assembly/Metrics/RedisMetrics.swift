import QuarryCore
import QuarryMetrics
import RedisClient
import Synchronization

/// What a process knows of its Redis.
final class RedisMetrics: Sendable {
  let tally = RedisTally()
  private let isAway = Atomic<Bool>(false)

  var answers: Bool { !isAway.load(ordering: .relaxed) }

  /// - Parameter answers: whether it does.
  func note(answers: Bool) { isAway.store(!answers, ordering: .relaxed) }

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

import QuarryCore
import RedisClient

/// What a simulation puts in the place of chance, and of single scripts, so that a seed replays; a fleet's processes take
/// it as it is.
package struct QueueVariation: Sendable {
  /// Ids of runs and requests.
  package var makeID: @Sendable () -> String = { UUIDv7.make() }
  /// For the jitter of a script, whose own generator starts the same each time.
  package var makeSeed: @Sendable () -> Int64 = { Int64.random(in: 1...2_000_000_000) }
  /// Called instead of the scripts of these names.
  package var scripts: [String: RedisScript] = [:]

  package init() {}
}

import QuarryCore
import RedisClient

/// A connection to a Redis that a fleet can be trusted to.
enum FleetRedis {
  /// - Throws: `QuarryError(.redis)` saying what to change: unreachable, wrong password, too old, evicting.
  static func connect(
    _ endpoint: RedisEndpoint, name: String, tally: RedisTally? = nil
  ) async throws(QuarryError) -> RedisConnection {
    do throws(RedisError) {
      let connection = try await RedisConnection.connect(endpoint, options: RedisOptions(name: name, tally: tally))
      try await RedisServerCheck.verify(connection)
      return connection
    } catch {
      throw QuarryError(.redis, error.message, remedy: error.remedy)
    }
  }
}

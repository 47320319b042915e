import QuarryCore
import RedisClient

/// A connection to a Redis that a fleet can be trusted to.
enum FleetRedis {
  /// Between two attempts to connect. After an outage leases get one lease more, and that may be a few seconds: whoever came
  /// back later would have his runs counted as crashes.
  private static let longestPause = Duration.seconds(2)

  /// A server that is loading its data is waited for, however long that takes.
  /// - Throws: `QuarryError(.redis)` saying what to change: unreachable, wrong password, too old, evicting.
  static func connect(
    _ endpoint: RedisEndpoint, name: String, console: Console, tally: RedisTally? = nil
  ) async throws(QuarryError) -> RedisConnection {
    do throws(RedisError) {
      var options = RedisOptions(name: name, tally: tally)
      options.longestPause = longestPause
      let connection = RedisConnection(endpoint, options: options)
      try await waitUntilLoaded(connection, console)
      try await RedisServerCheck.verify(connection)
      return connection
    } catch {
      throw QuarryError(.redis, error.message, remedy: error.remedy)
    }
  }

  private static func waitUntilLoaded(_ connection: RedisConnection, _ console: Console) async throws(RedisError) {
    var isTold = false
    while true {
      do throws(RedisError) { return try await connection.waitUntilReady() } catch {
        guard error.code == "LOADING", !Task.isCancelled else { throw error }
        if !isTold { console.say("Redis at \(connection.endpoint) is loading its data; waiting for it") }
        isTold = true
      }
    }
  }
}

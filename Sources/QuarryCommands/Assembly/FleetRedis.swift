import QuarryCore
import RedisClient

/// A connection to a Redis that a fleet can be trusted to.
enum FleetRedis {
  /// A server that is loading its data is waited for, however long that takes.
  /// - Throws: `QuarryError(.redis)` saying what to change: unreachable, wrong password, too old, evicting.
  static func connect(
    _ endpoint: RedisEndpoint, name: String, console: Console, tally: RedisTally? = nil
  ) async throws(QuarryError) -> RedisConnection {
    do throws(RedisError) {
      let connection = RedisConnection(endpoint, options: RedisOptions(name: name, tally: tally))
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

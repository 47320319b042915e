import QuarryCore
import RedisClient

/// Publishes `run_completed` JSON on a Redis channel. Whoever is subscribed hears it; nobody being there is no error.
package struct ChannelPublisher: Sendable {
  package static let defaultChannel = "quarry:run_completed"

  package let channel: String
  private let connection: RedisConnection

  package init(connection: RedisConnection, channel: String = Self.defaultChannel) {
    self.connection = connection
    self.channel = channel
  }

  /// Sends one notification, at least once: `run_id` in it tells a repeat from another run.
  /// - Throws: `QuarryError(.redis)` when Redis has not said that it took it.
  package func publish(_ json: String) async throws(QuarryError) {
    do throws(RedisError) {
      _ = try await connection.send(["PUBLISH", .text(channel), .text(json)], repeatable: true)
    } catch {
      throw QuarryError(.redis, "run_completed was not published on \(channel): \(error.message)", remedy: error.remedy)
    }
  }
}

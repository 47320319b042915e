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

  /// Sends notifications in their order, each at least once: `run_id` in it tells a repeat from another run.
  /// - Throws: `QuarryError(.redis)` when Redis has not said that it took all of them.
  package func publish(_ notifications: [String]) async throws(QuarryError) {
    let commands = notifications.map { json -> RedisCommand in ["PUBLISH", .text(channel), .text(json)] }
    do throws(RedisError) {
      for case .error(let text) in try await connection.pipeline(commands, repeatable: true) {
        throw RedisError.reply(text, endpoint: connection.endpoint.description)
      }
    } catch {
      throw QuarryError(.redis, "run_completed was not published on \(channel): \(error.message)", remedy: error.remedy)
    }
  }
}

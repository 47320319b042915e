import QuarryCore
import RedisClient

/// Publishes `run_completed` JSON on a channel of a Redis.
package final class ChannelAdapter: NotificationAdapter {
  package let name = "redis"
  package let destination: String

  private let channel: String
  private let timeout: Duration
  private let connection: RedisConnection

  /// Starts to connect, and returns at once.
  /// - Parameter timeout: of each try.
  package init(endpoint: RedisEndpoint, channel: String, timeout: Duration) {
    var options = RedisOptions(name: "quarry-adapter")
    options.connectTimeout = timeout
    options.longestPause = .seconds(1)
    connection = RedisConnection(endpoint, options: options)
    self.channel = channel
    self.timeout = timeout
    destination = "\(channel) on \(endpoint)"
  }

  deinit { connection.close() }

  package func send(_ json: String, within limit: Duration?) throws(DeliveryFailure) {
    do throws(RedisError) {
      _ = try connection.sendBlocking(
        ["PUBLISH", .text(channel), .text(json)], timeout: min(timeout, limit ?? timeout), failsDuringOutage: true)
    } catch {
      // A password that is wrong now is wrong at the next try too.
      throw DeliveryFailure(error.message, isFinal: error.kind == .authentication)
    }
  }
}

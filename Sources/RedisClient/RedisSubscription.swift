import Synchronization

/// One message of a channel.
package struct RedisMessage: Sendable, Hashable {
  package let channel: String
  package let payload: [UInt8]

  init?(push: RedisReply) {
    guard let channel = push[1]?.text, let payload = push[2]?.bytes else { return nil }
    self.channel = channel
    self.payload = payload
  }
}

/// The messages of some channels, in their order, on a connection of their own. It subscribes anew after an outage;
/// what was published meanwhile is lost, as always with pub/sub.
///
/// At most `limit` messages wait to be read; when more come, the oldest are dropped and counted.
package final class RedisSubscription: AsyncSequence, Sendable {
  package typealias Element = RedisMessage
  package typealias Failure = Never

  private let connection: RedisConnection
  private let messages: AsyncStream<RedisMessage>
  private let continuation: AsyncStream<RedisMessage>.Continuation
  private let droppedCount: Dropped

  private final class Dropped: Sendable {
    let count = Mutex(0)
  }

  init(_ endpoint: RedisEndpoint, options: RedisOptions, channels: [String], limit: Int) {
    let (stream, continuation) = AsyncStream.makeStream(
      of: RedisMessage.self, bufferingPolicy: .bufferingNewest(limit))
    let dropped = Dropped()
    messages = stream
    self.continuation = continuation
    droppedCount = dropped
    connection = RedisConnection(
      endpoint, options: options, greeting: channels.map { ["SUBSCRIBE", .text($0)] }
    ) { push in
      guard let message = RedisMessage(push: push) else { return }
      if case .dropped = continuation.yield(message) { dropped.count.withLock { $0 += 1 } }
    }
  }

  /// Messages that came faster than they were read and were dropped.
  package var dropped: Int { droppedCount.count.withLock { $0 } }

  package func makeAsyncIterator() -> AsyncStream<RedisMessage>.Iterator { messages.makeAsyncIterator() }

  func waitUntilReady() async throws(RedisError) { try await connection.waitUntilReady() }

  /// Ends the subscription; reading ends after what has already arrived.
  package func close() {
    continuation.finish()
    connection.close()
  }
}

extension RedisConnection {
  /// Subscribes on a connection of its own; when this returns, messages are being received.
  /// - Parameter limit: how many messages may wait to be read.
  package func subscribe(
    to channels: [String], limit: Int = 1024
  ) async throws(RedisError) -> RedisSubscription {
    var options = options
    options.name += "-subscriber"
    let subscription = RedisSubscription(endpoint, options: options, channels: channels, limit: limit)
    try await subscription.waitUntilReady()
    return subscription
  }
}

import Dispatch
import Glibc
import Synchronization

/// A connection that comes back by itself. One thread owns the socket; any number of callers share it, and what they
/// send at the same time travels together (pipelining). Calls that block the server side (BLMOVE, XREAD BLOCK)
/// belong on a connection of their own: `sibling`.
///
/// Every call has a deadline. During an outage a call waits for the connection until then and fails with what keeps the
/// connection away, nothing having been sent. When a connection breaks, or the server is silent past the deadline of
/// one call, all calls in flight fail with `outcomeUnknown`; with `repeatable: true` a call is sent again instead,
/// until its deadline. Cancelling a task does not end its call; `close` does.
package final class RedisConnection: Sendable {
  package let endpoint: RedisEndpoint
  package let options: RedisOptions
  private let mailbox: Mailbox
  private let whereabouts: Whereabouts

  /// Starts to connect, and returns at once.
  package convenience init(_ endpoint: RedisEndpoint, options: RedisOptions = RedisOptions()) {
    self.init(endpoint, options: options, greeting: [], onPush: nil)
  }

  init(
    _ endpoint: RedisEndpoint, options: RedisOptions, greeting: [RedisCommand],
    whereabouts: Whereabouts = Whereabouts(), onPush: (@Sendable (RedisReply) -> Void)?
  ) {
    self.endpoint = endpoint
    self.options = options
    self.whereabouts = whereabouts
    let mailbox = Mailbox()
    self.mailbox = mailbox
    OwnedThread.start {
      ConnectionOwner(
        endpoint: endpoint, options: options, mailbox: mailbox, whereabouts: whereabouts, greeting: greeting,
        onPush: onPush
      ).run()
    }
  }

  deinit { close() }

  /// Connects, and says at once what is wrong when that fails; only a server that is loading its data is waited for.
  package static func connect(
    _ endpoint: RedisEndpoint, options: RedisOptions = RedisOptions()
  ) async throws(RedisError) -> RedisConnection {
    let connection = RedisConnection(endpoint, options: options)
    try await connection.waitUntilReady()
    return connection
  }

  /// Returns when the connection is there; fails like `connect`, and then goes on trying in the background.
  /// - Parameter timeout: default: the connect timeout, twice with sentinels, and a second.
  package func waitUntilReady(timeout: Duration? = nil) async throws(RedisError) {
    let limit = timeout ?? options.connectTimeout * (endpoint.isAskedFor ? 2 : 1) + .seconds(1)
    let exchange = Exchange(
      [["PING"]], deadline: .now() + limit, isRepeatable: true, failsDuringOutage: true, endpoint: endpoint)
    _ = try await perform(exchange)
  }

  /// A further connection to the same server, for calls that block or for another duty.
  package func sibling(name: String) -> RedisConnection {
    var options = options
    options.name = name
    return RedisConnection(endpoint, options: options, greeting: [], whereabouts: whereabouts, onPush: nil)
  }

  /// All calls, also those in flight, fail as closed. Further calls of `close` do nothing.
  package func close() {
    mailbox.close(because: RedisError(.closed, endpoint: endpoint.description, "the connection was closed"))
  }
}

extension RedisConnection {
  /// - Parameters:
  ///   - timeout: deadline of this call from now on; nil takes `options.callTimeout`. For a blocking command: its own
  ///     time and some seconds.
  ///   - repeatable: the command is safe to carry out twice, so it is sent again when its outcome is unknown.
  /// - Throws: also for an error reply.
  package func send(
    _ command: RedisCommand, timeout: Duration? = nil, repeatable: Bool = false
  ) async throws(RedisError) -> RedisReply {
    try single(await perform(exchange([command], timeout, repeatable)))
  }

  /// Sends all commands at once; the replies come in their order, error replies among them as values.
  package func pipeline(
    _ commands: [RedisCommand], timeout: Duration? = nil, repeatable: Bool = false
  ) async throws(RedisError) -> [RedisReply] {
    if commands.isEmpty { return [] }
    return try await perform(exchange(commands, timeout, repeatable))
  }

  /// `send` for a thread that may block: never call it in a task.
  /// - Parameter failsDuringOutage: fails at the first attempt to connect that fails, instead of waiting for a
  ///   connection until the deadline.
  package func sendBlocking(
    _ command: RedisCommand, timeout: Duration? = nil, repeatable: Bool = false, failsDuringOutage: Bool = false
  ) throws(RedisError) -> RedisReply {
    try single(performBlocking(exchange([command], timeout, repeatable, failsDuringOutage)))
  }

  /// `pipeline` for a thread that may block: never call it in a task.
  /// - Parameter failsDuringOutage: as for `sendBlocking`.
  package func pipelineBlocking(
    _ commands: [RedisCommand], timeout: Duration? = nil, repeatable: Bool = false, failsDuringOutage: Bool = false
  ) throws(RedisError) -> [RedisReply] {
    if commands.isEmpty { return [] }
    return try performBlocking(exchange(commands, timeout, repeatable, failsDuringOutage))
  }

  private func exchange(
    _ commands: [RedisCommand], _ timeout: Duration?, _ repeatable: Bool, _ failsDuringOutage: Bool = false
  ) -> Exchange {
    Exchange(
      commands, deadline: .now() + (timeout ?? options.callTimeout), isRepeatable: repeatable,
      failsDuringOutage: failsDuringOutage, endpoint: endpoint)
  }

  private func perform(_ exchange: Exchange) async throws(RedisError) -> [RedisReply] {
    var exchange = exchange
    while true {
      let outcome = await withCheckedContinuation { (waiter: CheckedContinuation<Call.Outcome, Never>) in
        mailbox.submit(exchange.call { waiter.resume(returning: $0) })
      }
      if let result = taken(outcome, by: &exchange) { return try result.get() }
    }
  }

  private func performBlocking(_ exchange: Exchange) throws(RedisError) -> [RedisReply] {
    var exchange = exchange
    while true {
      let waiter = BlockedCaller()
      mailbox.submit(exchange.call { waiter.resume($0) })
      if let result = taken(waiter.wait(), by: &exchange) { return try result.get() }
    }
  }

  private func taken(_ outcome: Call.Outcome, by exchange: inout Exchange) -> Call.Outcome? {
    let result = exchange.take(outcome)
    guard let tally = options.tally else { return result }
    tally.noteRoundTrip()
    if let result { tally.note(result) }
    return result
  }

  private func single(_ replies: [RedisReply]) throws(RedisError) -> RedisReply {
    let reply = replies[0]
    if case .error(let text) = reply { throw .reply(text, endpoint: endpoint.description) }
    return reply
  }
}

/// A thread that waits for its call.
private final class BlockedCaller: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let outcome = Mutex<Call.Outcome>(.success([]))

  func resume(_ result: Call.Outcome) {
    outcome.withLock { $0 = result }
    semaphore.signal()
  }

  func wait() -> Call.Outcome {
    semaphore.wait()
    return outcome.withLock { $0 }
  }
}

import Glibc

/// One live connection and the calls that travel on it. Belongs to the owner thread.
final class Link {
  private struct InFlight {
    let call: Call
    var replies: [RedisReply]
  }

  private let channel: Channel
  private let parser = ReplyParser()
  private let endpoint: RedisEndpoint
  private let onPush: (@Sendable (RedisReply) -> Void)?
  private var output: [UInt8] = []
  private var written = 0
  private var inFlight: [InFlight] = []
  private var answered = 0
  /// Never later than the earliest deadline in flight.
  private var earliestDeadline = Monotonic.distantFuture
  private var buffer = [UInt8](repeating: 0, count: 65536)

  /// Set when the server said that it cannot serve: the link is left as soon as nothing is in flight.
  private(set) var notReady: RedisError?

  init(_ channel: Channel, endpoint: RedisEndpoint, onPush: (@Sendable (RedisReply) -> Void)?) {
    self.channel = channel
    self.endpoint = endpoint
    self.onPush = onPush
  }

  var descriptor: Int32 { channel.descriptor }
  /// What poll(2) should wait for.
  var interest: Int16 { channel.interest(hasOutput: hasOutput) }
  /// Whether every call has its replies.
  var isIdle: Bool { answered == inFlight.count }
  private var hasOutput: Bool { written < output.count }

  func enqueue(_ call: Call) {
    output.append(contentsOf: call.bytes)
    var replies: [RedisReply] = []
    replies.reserveCapacity(call.replyCount)
    inFlight.append(InFlight(call: call, replies: replies))
    earliestDeadline = min(earliestDeadline, call.deadline)
  }

  /// Writes what the socket takes now.
  func flush() throws(RedisError) {
    while hasOutput {
      let result = output.withUnsafeBytes { channel.write(UnsafeRawBufferPointer(rebasing: $0[written...])) }
      // A server that sends somebody away says why before it closes.
      if case .failure = result { try receive() }
      let count = try unbroken(result)
      guard count > 0 else { return }
      written += count
    }
    output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
    written = 0
    _ = try unbroken(channel.flush())
  }

  /// Reads what has arrived and completes the calls it answers.
  func receive() throws(RedisError) {
    while true {
      guard let count = try unbroken(buffer.withUnsafeMutableBytes { channel.read(into: $0) }) else { return }
      guard count > 0 else { throw error(.closed, "Redis at \(endpoint) closed the connection") }
      buffer.withUnsafeBytes { parser.feed(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      try dispatch()
      if count < buffer.count { return }
    }
  }

  private func dispatch() throws(RedisError) {
    while true {
      let next: RedisReply?
      do { next = try parser.next() } catch {
        throw self.error(.protocol, "\(endpoint) does not speak the Redis protocol: \(error.reason)")
      }
      guard let reply = next else { break }
      try deliver(reply)
    }
    if isIdle {
      inFlight.removeAll(keepingCapacity: inFlight.capacity <= 4096)
      answered = 0
      earliestDeadline = .distantFuture
    } else if answered > 1024 {
      inFlight.removeFirst(answered)
      answered = 0
    }
  }

  private func deliver(_ reply: RedisReply) throws(RedisError) {
    if let onPush, Self.isMessage(reply) { return onPush(reply) }
    if isIdle { throw unasked(reply) }
    if case .error(let text) = reply {
      let error = RedisError.reply(text, endpoint: endpoint.description)
      if error.isFarewell { throw error }
      if error.kind == .notReady { notReady = error }
    }
    inFlight[answered].replies.append(reply)
    let current = inFlight[answered]
    guard current.replies.count == current.call.replyCount else { return }
    inFlight[answered].replies = []
    answered += 1
    current.call.complete(.success(current.replies))
  }

  /// A server says nothing unasked, but for why it closes.
  private func unasked(_ reply: RedisReply) -> RedisError {
    guard case .error(let text) = reply else {
      return error(.protocol, "Redis at \(endpoint) sent a reply to no request")
    }
    return .reply(text, endpoint: endpoint.description)
  }

  private static func isMessage(_ reply: RedisReply) -> Bool {
    reply[0] == .bulk(Array("message".utf8))
  }

  /// The time until which it may be waited for replies.
  /// - Throws: `.timeout` when a call's deadline has passed: a server that lets one call wait so long is not waited
  ///   for by the others either.
  func checkDeadlines(at now: Monotonic) throws(RedisError) -> Monotonic {
    guard earliestDeadline <= now else { return earliestDeadline }
    earliestDeadline = inFlight[answered...].reduce(.distantFuture) { min($0, $1.call.deadline) }
    guard earliestDeadline > now else { throw error(.timeout, "Redis at \(endpoint) did not answer in time") }
    return earliestDeadline
  }

  /// Nobody can know what became of the calls in flight.
  func failAll(_ reason: RedisError) {
    let lost = inFlight[answered...]
    inFlight = []
    answered = 0
    for entry in lost { entry.call.complete(.failure(reason.withUnknownOutcome())) }
  }

  private func unbroken<Value>(_ result: Result<Value, Socket.Failure>) throws(RedisError) -> Value {
    switch result {
    case .success(let value): return value
    case .failure(let failure) where failure.isTLS: throw .tls(failure.reason, endpoint: endpoint)
    case .failure(let failure):
      throw error(.closed, "the connection to Redis at \(endpoint) broke: \(failure.reason)")
    }
  }

  private func error(_ kind: RedisError.Kind, _ message: String) -> RedisError {
    RedisError(kind, endpoint: endpoint.description, message)
  }
}

import QuarryCore
import RedisClient
import Synchronization

/// Where live events go: one stream of one Redis, shared by all runs of this process.
package struct StreamOptions: Sendable, Equatable {
  package static let defaultKey = "quarry:events"
  package static let defaultMaximumLength = 100_000
  package static let defaultTTL = Duration.seconds(86_400)

  package var endpoint: RedisEndpoint
  package var key = Self.defaultKey
  /// Entries that are kept, roughly; nil for all.
  package var maximumLength: Int? = Self.defaultMaximumLength
  /// How long the stream lives after the last entry; nil for ever.
  package var ttl: Duration? = Self.defaultTTL
  /// Of each try.
  package var timeout: Duration = .seconds(2)
  /// Tries after the first.
  package var retries = 2
  package var delivery: SinkDelivery = .bestEffort

  package init(endpoint: RedisEndpoint) { self.endpoint = endpoint }
}

/// Appends entries to the stream, many in one trip. Blocking; from any thread.
package final class StreamPublisher: Sendable {
  package let options: StreamOptions
  /// Spares best-effort runs the waiting for a Redis that is away.
  let breaker: CircuitBreaker
  /// Another one after the end of the waiting.
  private let connection: Mutex<RedisConnection>
  private let sleep: @Sendable (Duration) -> Void
  private let cutOff: CutOff

  /// Entries and bytes of one trip.
  static let tripLimit = (entries: 512, bytes: 1 << 20)
  /// Before the first retry; it doubles with each.
  static let firstPause = Duration.milliseconds(100)

  /// Starts to connect, and returns at once.
  /// - Parameter sleep: between tries; nil really waits.
  package init(
    _ options: StreamOptions, breaker: CircuitBreaker = CircuitBreaker(threshold: 3, pause: .seconds(5)),
    sleep: (@Sendable (Duration) -> Void)? = nil
  ) {
    let cutOff = CutOff()
    self.options = options
    self.breaker = breaker
    self.cutOff = cutOff
    self.sleep = sleep ?? { cutOff.pause(for: $0) }
    var redis = RedisOptions(name: "quarry-events")
    redis.connectTimeout = options.timeout
    redis.longestPause = .seconds(1)
    connection = Mutex(RedisConnection(options.endpoint, options: redis))
  }

  deinit { connection.withLock { $0.close() } }

  /// The process ends: no event is sent any more once `limit` has passed, and whoever waits for Redis by then is let go.
  package func endWaiting(within limit: Duration) {
    cutOff.set(after: limit) { [weak self] in self?.letGo() }
  }

  private func letGo() {
    let left = connection.withLock { connection in
      defer { connection = connection.sibling(name: connection.options.name) }
      return connection
    }
    left.close()
  }

  var hasEnded: Bool { cutOff.isPast }

  package var destination: String { "stream \(options.key) on \(options.endpoint)" }

  /// What came of appending.
  struct Result {
    /// Entries from the front that are in the stream for certain.
    var written = 0
    /// Some of the others may be in the stream as well.
    var mayHaveMore = false
    var retries = 0
    var failure: RedisError?
  }

  /// Appends entries in their order, as far as Redis takes them.
  /// - Parameter patience: how much of the time limit and the retries are for the caller to wait.
  func append(_ entries: [StreamEntry], patience: Patience) -> Result {
    var result = Result()
    var attempts = 0
    while result.written < entries.count {
      let trip = send(Self.trip(entries[result.written...]), patience)
      result.written += trip.written
      result.mayHaveMore = result.mayHaveMore || trip.mayHaveMore
      guard let failure = trip.failure else {
        attempts = 0
        continue
      }
      attempts += 1
      guard attempts <= options.retries, !cutOff.isPast, Self.mayPass(failure, patience) else {
        result.failure = failure
        return result
      }
      result.retries += 1
      sleep(Self.firstPause * (1 << min(attempts - 1, 16)))
    }
    return result
  }

  enum Patience {
    /// All retries, also through an outage.
    case full
    /// No waiting for a connection that cannot be made.
    case untilOutage
    /// As `untilOutage`, and a quarter of a second at most.
    case little
    /// As `untilOutage`, also after the end of the waiting, and a second at most.
    case last

    /// Of a try.
    var limit: Duration {
      switch self {
      case .full, .untilOutage: .seconds(86_400)
      case .little: .milliseconds(250)
      case .last: .seconds(1)
      }
    }
  }

  /// One trip, of all entries that it is given.
  private func send(_ entries: ArraySlice<StreamEntry>, _ patience: Patience) -> Result {
    let limit = min(options.timeout, patience.limit)
    // Fetched before the look at the time: what is fetched earlier is closed when the time has come.
    let connection = connection.withLock { $0 }
    guard !hasEnded || patience == .last else {
      return Result(failure: RedisError(.closed, endpoint: options.endpoint.description, "this process ends"))
    }
    do throws(RedisError) {
      let replies = try connection.pipelineBlocking(
        commands(entries), timeout: limit, failsDuringOutage: patience != .full)
      let answers = replies.prefix(entries.count)
      guard let refused = answers.firstIndex(where: { $0.errorText != nil }), let text = answers[refused].errorText
      else { return Result(written: entries.count) }
      return Result(
        written: refused, mayHaveMore: answers[refused...].contains { $0.errorText == nil },
        failure: .reply(text, endpoint: options.endpoint.description))
    } catch {
      return Result(mayHaveMore: error.outcomeUnknown, failure: error)
    }
  }

  private func commands(_ entries: ArraySlice<StreamEntry>) -> [RedisCommand] {
    var head: [RedisArgument] = ["XADD", .text(options.key)]
    if let length = options.maximumLength { head += ["MAXLEN", "~", .integer(Int64(length))] }
    head.append("*")
    var commands = entries.map { RedisCommand(head + $0.fields) }
    if let ttl = options.ttl { commands.append(["PEXPIRE", .text(options.key), .integer(ttl.milliseconds)]) }
    return commands
  }

  private static func trip(_ entries: ArraySlice<StreamEntry>) -> ArraySlice<StreamEntry> {
    var bytes = 0
    let count = entries.prefix(tripLimit.entries).prefix { entry in
      defer { bytes += entry.size }
      return bytes == 0 || bytes + entry.size <= tripLimit.bytes
    }.count
    return entries.prefix(max(1, count))
  }

  /// Codes of error replies that may be others at the next try.
  private static let passing: Set<String> = ["OOM", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN"]

  private static func mayPass(_ error: RedisError, _ patience: Patience) -> Bool {
    if error.isOutage { return patience == .full }
    return error.kind == .server && error.code.map(passing.contains) == true
  }
}

/// The course of one call of the user: sends, and sends again what may or must be sent again. A value that knows
/// nothing of threads; `RedisConnection` drives it in its async and its blocking form.
struct Exchange {
  private let commands: [RedisCommand]
  private let deadline: Monotonic
  private let isRepeatable: Bool
  private let failsDuringOutage: Bool
  private let endpoint: RedisEndpoint
  /// Replies of the first round, while scripts that the server did not know are on their way again.
  private var firstReplies: [RedisReply] = []
  private var unknown: [Int] = []

  init(
    _ commands: [RedisCommand], deadline: Monotonic, isRepeatable: Bool, failsDuringOutage: Bool,
    endpoint: RedisEndpoint
  ) {
    self.commands = commands
    self.deadline = deadline
    self.isRepeatable = isRepeatable
    self.failsDuringOutage = failsDuringOutage
    self.endpoint = endpoint
  }

  /// What to send now.
  func call(complete: @escaping @Sendable (Call.Outcome) -> Void) -> Call {
    let commands = currentCommands
    var bytes: [UInt8] = []
    bytes.reserveCapacity(64 * commands.count)
    for command in commands { command.encode(into: &bytes) }
    return Call(
      bytes: bytes, replyCount: commands.count, deadline: deadline, failsDuringOutage: failsDuringOutage,
      complete: complete)
  }

  /// Takes what came of it.
  /// - Returns: the result for the user, or nil when `call` is to be sent again.
  mutating func take(_ outcome: Call.Outcome, at now: Monotonic = .now()) -> Call.Outcome? {
    switch outcome {
    case .failure(let error): return mayRepeat(error, now) ? nil : outcome
    case .success(let replies):
      if let error = notReady(replies), mayRepeat(error, now) { return nil }
      if now < deadline, replies.allSatisfy(Self.isElsewhere) { return nil }
      return collect(replies)
    }
  }

  /// Refused by a node of a cluster that has nothing to do with it: it is sent again to the one that has.
  private static func isElsewhere(_ reply: RedisReply) -> Bool { reply.errorText?.hasPrefix("MOVED ") == true }

  private var currentCommands: [RedisCommand] {
    guard !unknown.isEmpty else { return commands }
    return scriptsToLoad.map(\.loadCommand) + unknown.map { commands[$0] }
  }

  private var scriptsToLoad: [RedisScript] {
    var seen: Set<RedisScript> = []
    return unknown.compactMap { commands[$0].script }.filter { seen.insert($0).inserted }
  }

  private mutating func collect(_ replies: [RedisReply]) -> Call.Outcome? {
    guard unknown.isEmpty else {
      for (index, reply) in zip(unknown, replies.dropFirst(scriptsToLoad.count)) { firstReplies[index] = reply }
      return .success(firstReplies)
    }
    unknown = replies.indices.filter { index in
      commands[index].script != nil && replies[index].errorText?.hasPrefix("NOSCRIPT") == true
    }
    firstReplies = replies
    return unknown.isEmpty ? .success(replies) : nil
  }

  private func notReady(_ replies: [RedisReply]) -> RedisError? {
    for case .error(let text) in replies {
      let error = RedisError.reply(text, endpoint: endpoint.description)
      if error.kind == .notReady { return error }
    }
    return nil
  }

  /// A call that was closed by this side is over; one that timed out has no time left.
  private func mayRepeat(_ error: RedisError, _ now: Monotonic) -> Bool {
    isRepeatable && now < deadline && (error.outcomeUnknown || error.kind == .notReady)
  }
}

/// What is said first on every connection, and what the answers mean.
struct Login {
  private enum Step {
    case needed
    /// What a restricted user may be denied without harm.
    case optional
    /// Must say that the server is a primary, if the user may ask.
    case role
  }

  private let endpoint: RedisEndpoint
  private let steps: [(command: RedisCommand, kind: Step)]

  init(endpoint: RedisEndpoint, name: String, greeting: [RedisCommand]) {
    self.endpoint = endpoint
    var steps: [(RedisCommand, Step)] = []
    if let password = endpoint.password {
      steps.append((Self.authentication(user: endpoint.user, password: password), .needed))
    }
    steps.append((["CLIENT", "SETNAME", .text(name)], .optional))
    // A server that loads its data or wants a password says so to a PING.
    steps.append((["PING"], .needed))
    // Sentinels may not know yet that it is none any more.
    if case .sentinels = endpoint.address { steps.append((["ROLE"], .role)) }
    if endpoint.database != 0 {
      steps.append((["SELECT", .integer(Int64(endpoint.database))], .needed))
    }
    self.steps = steps + greeting.map { ($0, .needed) }
  }

  static func authentication(user: String?, password: String) -> RedisCommand {
    RedisCommand(["AUTH"] + (user.map { [.text($0)] } ?? []) + [.text(password)])
  }

  var commands: [RedisCommand] { steps.map(\.command) }

  func check(_ replies: [RedisReply]) throws(RedisError) {
    for (step, reply) in zip(steps, replies) {
      switch step.kind {
      case .needed: if case .error(let text) = reply { throw .reply(text, endpoint: endpoint.description) }
      case .optional: continue
      case .role: if let role = reply[0]?.text, role != "master" { throw replica }
      }
    }
  }

  private var replica: RedisError {
    RedisError(
      .notReady, endpoint: endpoint.description,
      "the server that the sentinels of \(endpoint) name is a replica: the fail-over is not over")
  }
}

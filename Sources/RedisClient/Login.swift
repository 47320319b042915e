/// What is said first on every connection, and what the answers mean.
struct Login {
  private struct Step {
    let command: RedisCommand
    /// False for what a restricted user may be denied without harm.
    let isNeeded: Bool
  }

  private let endpoint: RedisEndpoint
  private let steps: [Step]

  init(endpoint: RedisEndpoint, name: String, greeting: [RedisCommand]) {
    self.endpoint = endpoint
    var steps: [Step] = []
    if let password = endpoint.password {
      let user = endpoint.user.map { [RedisArgument($0)] } ?? []
      steps.append(Step(command: RedisCommand(["AUTH"] + user + [.text(password)]), isNeeded: true))
    }
    steps.append(Step(command: ["CLIENT", "SETNAME", .text(name)], isNeeded: false))
    // A server that loads its data or wants a password says so to a PING.
    steps.append(Step(command: ["PING"], isNeeded: true))
    if endpoint.database != 0 {
      steps.append(Step(command: ["SELECT", .integer(Int64(endpoint.database))], isNeeded: true))
    }
    self.steps = steps + greeting.map { Step(command: $0, isNeeded: true) }
  }

  func call(deadline: Monotonic, complete: @escaping @Sendable (Call.Outcome) -> Void) -> Call {
    var bytes: [UInt8] = []
    for step in steps { step.command.encode(into: &bytes) }
    return Call(
      bytes: bytes, replyCount: steps.count, deadline: deadline, failsDuringOutage: false, complete: complete)
  }

  func check(_ outcome: Call.Outcome?) throws(RedisError) {
    guard let replies = try outcome?.get() else { return }
    for (step, reply) in zip(steps, replies) where step.isNeeded {
      if case .error(let text) = reply { throw .reply(text, endpoint: endpoint.description) }
    }
  }
}

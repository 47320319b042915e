extension ConnectionOwner {
  /// Asks the sentinels in turn; the first that answers is believed. What it says may be old: `Login` looks whether the
  /// server is a primary.
  func primary(of sentinels: RedisEndpoint.Sentinels) throws(RedisError) -> RedisEndpoint.Server {
    var failure = unreachable("no sentinel is named")
    for sentinel in inTurn(sentinels.servers) {
      do throws(RedisError) { return try ask(sentinel, sentinels) } catch {
        if let reason = mailbox.closedBecause { throw reason }
        failure = error
      }
    }
    throw failure
  }

  private func ask(
    _ sentinel: RedisEndpoint.Server, _ sentinels: RedisEndpoint.Sentinels
  ) throws(RedisError) -> RedisEndpoint.Server {
    let limit = options.connectTimeout / sentinels.servers.count
    let link: Link
    do throws(RedisError) { link = try reach(sentinel, within: limit) } catch {
      throw unanswered(error.kind, "the sentinel \(sentinel) cannot be reached: \(error.message)", error.remedy)
    }
    var commands: [RedisCommand] = [["SENTINEL", "GET-MASTER-ADDR-BY-NAME", .text(sentinels.primary)]]
    if let password = sentinels.password {
      commands.insert(Login.authentication(user: sentinels.user, password: password), at: 0)
    }
    let replies = try converse(commands, on: link, until: .now() + limit)
    for case .error(let text) in replies {
      throw unanswered(
        .authentication, "the sentinel \(sentinel) answers: \(text)",
        "?sentinel_user=…&sentinel_password=… log in to the sentinels")
    }
    guard let host = replies.last?[0]?.text, let port = replies.last?[1]?.text.flatMap({ UInt16($0) }) else {
      throw unanswered(
        .unreachable, "the sentinel \(sentinel) watches no '\(sentinels.primary)'",
        "name the primary as the sentinels do: redis+sentinel://host:port/NAME")
    }
    return RedisEndpoint.Server(host: host, port: port)
  }

  private func unanswered(_ kind: RedisError.Kind, _ message: String, _ remedy: String?) -> RedisError {
    RedisError(kind, endpoint: endpoint.description, message, remedy: remedy)
  }
}

extension RedisError {
  /// The error for an error reply of the server.
  /// - Parameter text: the reply without its leading `-`, for example `WRONGPASS invalid username-password pair`.
  package static func reply(_ text: String, endpoint: String) -> RedisError {
    let code = String(text.prefix { $0 != " " })
    return login(code, text, endpoint) ?? notReady(code, text, endpoint) ?? away(code, text, endpoint)
      ?? RedisError(.server, endpoint: endpoint, "Redis at \(endpoint) answered: \(text)", code: code)
  }

  /// The server says it and closes the connection, whatever was asked.
  var isFarewell: Bool { code == "DENIED" || isFull }

  private var isFull: Bool { kind == .notReady && code == "ERR" && message.contains("maxclients") }

  private static func login(_ code: String, _ text: String, _ endpoint: String) -> RedisError? {
    func refusal(_ what: String, _ remedy: String) -> RedisError {
      RedisError(.authentication, endpoint: endpoint, "Redis at \(endpoint) \(what)", remedy: remedy, code: code)
    }
    switch code {
    case "NOAUTH":
      return refusal(
        "asks for a password", "put it into the address: redis://:PASSWORD@host or redis://USER:PASSWORD@host")
    case "WRONGPASS":
      return refusal(
        "refuses this user and password",
        "check user and password of the address; special characters are written percent-escaped")
    case "NOPERM":
      return refusal("denies a command to this user: \(text)", "grant the user the command and its keys (ACL SETUSER)")
    case "DENIED":
      return refusal(
        "lets in nobody from another machine (protected mode)",
        "give the server a password or users (requirepass, ACL SETUSER), and put them into the address")
    // A server without a password answers AUTH with a plain ERR that names it.
    case "ERR" where text.contains("AUTH"):
      return refusal(
        "refuses the login: \(text)", "the server has no such user or no password at all; take it out of the address")
    default: return nil
    }
  }

  /// A server that did nothing, and may do it later.
  private static func notReady(_ code: String, _ text: String, _ endpoint: String) -> RedisError? {
    func refusal(_ remedy: String?) -> RedisError {
      RedisError(
        .notReady, endpoint: endpoint, "Redis at \(endpoint) is not ready: \(text)", remedy: remedy, code: code)
    }
    switch code {
    case "LOADING", "MASTERDOWN", "UNBLOCKED": return refusal(nil)
    case "READONLY":
      return refusal("give the address of the primary server, not of a replica, or redis+sentinel:// of its sentinels")
    case "NOREPLICAS": return refusal("it has fewer replicas than min-replicas-to-write asks for")
    case "MISCONF": return refusal("it cannot write its data to disk; its own log says why")
    case "ERR" where text.contains("max number of clients"):
      return RedisError(
        .notReady, endpoint: endpoint, "Redis at \(endpoint) has as many clients as it takes (maxclients)",
        remedy: "raise maxclients of the server, or start fewer workers", code: code)
    default: return nil
    }
  }

  /// A node of a cluster that has not, or not wholly, what was asked for.
  private static func away(_ code: String, _ text: String, _ endpoint: String) -> RedisError? {
    func refusal(_ what: String, movedTo: String? = nil) -> RedisError {
      RedisError(
        .notReady, endpoint: endpoint, "the cluster of \(endpoint) \(what)", remedy: nil, code: code, movedTo: movedTo)
    }
    switch code {
    case "MOVED":
      return refusal("has it on another node: \(text)", movedTo: text.split(separator: " ").last.map(String.init))
    // Scripts make keys as they go: on either node some of what they look for would seem not to be there.
    case "ASK", "TRYAGAIN": return refusal("is moving the slot: \(text)")
    case "CLUSTERDOWN": return refusal("is down: \(text)")
    case "ERR" where text.contains("access a non local key"): return refusal("is moving the slot: \(text)")
    case "ERR" where text.contains("while the cluster is down"): return refusal("is down: \(text)")
    default: return nil
    }
  }

  /// - Parameter reason: begins with `TLS: `.
  static func tls(_ reason: String, endpoint: RedisEndpoint) -> RedisError {
    RedisError(
      .tls, endpoint: endpoint.description, "no secure connection to Redis at \(endpoint): \(reason)",
      remedy:
        "rediss:// takes ?cacert=FILE (who signed the server's certificate), cert=FILE and key=FILE (yours), server_name=NAME (in the server's certificate); redis:// is without TLS"
    )
  }
}

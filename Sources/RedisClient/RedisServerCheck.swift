/// Whether a server can be trusted with data that must not be lost.
package enum RedisServerCheck {
  package static let minimumRedis = RedisVersion(6, 2)
  package static let minimumValkey = RedisVersion(7, 2)

  /// Asks the server who it is.
  /// - Throws: `.unsuitable` with what to change, or what kept the question from being answered.
  package static func verify(_ connection: RedisConnection) async throws(RedisError) {
    let replies = try await connection.pipeline([["INFO", "server"], ["INFO", "memory"]], repeatable: true)
    for case .error(let text) in replies { throw .reply(text, endpoint: connection.endpoint.description) }
    try verify(info: replies.compactMap(\.text).joined(separator: "\n"), endpoint: connection.endpoint)
  }

  /// - Parameter info: the text of `INFO server` and `INFO memory`.
  package static func verify(info: String, endpoint: RedisEndpoint) throws(RedisError) {
    let fields = parse(info)
    try verifyVersion(fields, endpoint)
    let policy = fields["maxmemory_policy"] ?? "noeviction"
    guard policy == "noeviction" else {
      throw RedisError(
        .unsuitable, endpoint: endpoint.description,
        "Redis at \(endpoint) throws keys away when its memory is full (maxmemory-policy \(policy))",
        remedy:
          "set it with: redis-cli CONFIG SET maxmemory-policy noeviction (and in redis.conf)")
    }
  }

  private static func verifyVersion(_ fields: [String: String], _ endpoint: RedisEndpoint) throws(RedisError) {
    let (name, text, minimum) =
      if let valkey = fields["valkey_version"] {
        ("Valkey", valkey, minimumValkey)
      } else {
        ("Redis", fields["redis_version"] ?? "", minimumRedis)
      }
    guard let version = RedisVersion(text) else {
      throw RedisError(
        .unsuitable, endpoint: endpoint.description, "the server at \(endpoint) does not say which Redis it is",
        remedy: "use Redis \(minimumRedis) or later, or Valkey \(minimumValkey) or later")
    }
    guard version >= minimum else {
      throw RedisError(
        .unsuitable, endpoint: endpoint.description, "\(name) at \(endpoint) is \(text), which is too old",
        remedy: "use Redis \(minimumRedis) or later, or Valkey \(minimumValkey) or later")
    }
  }

  private static func parse(_ info: String) -> [String: String] {
    var fields: [String: String] = [:]
    for line in info.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[String(line[..<colon])] = String(line[line.index(after: colon)...])
    }
    return fields
  }
}

/// Major and minor number of a server.
package struct RedisVersion: Comparable, Sendable, CustomStringConvertible {
  package let major: Int
  package let minor: Int

  package init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  init?(_ text: String) {
    let parts = text.split(separator: ".")
    guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1]) else { return nil }
    self.init(major, minor)
  }

  package static func < (left: RedisVersion, right: RedisVersion) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }

  package var description: String { "\(major).\(minor)" }
}

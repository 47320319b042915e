/// The grammar of `RedisEndpoint(url:)`.
struct EndpointParser {
  let url: String

  func parse() throws(RedisError) -> RedisEndpoint {
    guard let split = url.firstRange(of: "://") else { throw refusal("it has no scheme") }
    let rest = url[split.upperBound...]
    switch url[..<split.lowerBound].lowercased() {
    case "redis": return try tcp(rest)
    case "unix", "redis+unix": return try unix(rest)
    case "rediss":
      throw refusal(
        "TLS is not supported yet", remedy: "use redis:// or unix://, or a TLS tunnel (stunnel) on this machine")
    case let scheme: throw refusal("the scheme '\(scheme)' is not known")
    }
  }

  private func tcp(_ rest: Substring) throws(RedisError) -> RedisEndpoint {
    let (authority, query) = cut(rest, at: "?")
    let (server, path) = cut(authority, at: "/")
    let (credentials, hostAndPort) = splitCredentials(server)
    let (host, port) = try hostPort(hostAndPort)
    var endpoint = RedisEndpoint(.tcp(host: host, port: port))
    try logIn(&endpoint, credentials)
    if let path, !path.isEmpty { endpoint.database = try databaseNumber(path) }
    try apply(query, to: &endpoint)
    return endpoint
  }

  private func unix(_ rest: Substring) throws(RedisError) -> RedisEndpoint {
    let (location, query) = cut(rest, at: "?")
    let (credentials, rawPath) = location.hasPrefix("/") ? (nil, location) : splitCredentials(location)
    guard let path = Self.unescape(rawPath), path.hasPrefix("/") else {
      throw refusal("the socket's path must be absolute")
    }
    var endpoint = RedisEndpoint(.unix(path: path))
    try logIn(&endpoint, credentials)
    try apply(query, to: &endpoint)
    return endpoint
  }

  private func splitCredentials(_ text: Substring) -> (Substring?, Substring) {
    guard let at = text.lastIndex(of: "@") else { return (nil, text) }
    return (text[..<at], text[text.index(after: at)...])
  }

  private func logIn(_ endpoint: inout RedisEndpoint, _ credentials: Substring?) throws(RedisError) {
    guard let credentials else { return }
    let (user, password) = cut(credentials, at: ":")
    guard let password, let name = Self.unescape(user), let secret = Self.unescape(password) else {
      throw refusal("before the @ must stand user:password or :password, percent-escaped")
    }
    endpoint.user = name.isEmpty ? nil : name
    endpoint.password = secret.isEmpty ? nil : secret
  }

  private func hostPort(_ text: Substring) throws(RedisError) -> (String, UInt16) {
    var host = text
    var port: Substring?
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { throw refusal("the ] of the IPv6 address is missing") }
      host = text[text.index(after: text.startIndex)..<end]
      let after = text[text.index(after: end)...]
      guard after.isEmpty || after.hasPrefix(":") else { throw refusal("after ] only a port may stand") }
      port = after.isEmpty ? nil : after.dropFirst()
    } else {
      (host, port) = cut(text, at: ":")
    }
    guard let number = port.map({ UInt16($0) }) ?? 6379, number > 0 else {
      throw refusal("the port must be a number from 1 to 65535")
    }
    return (host.isEmpty ? "localhost" : String(host), number)
  }

  private func apply(_ query: Substring?, to endpoint: inout RedisEndpoint) throws(RedisError) {
    for pair in (query ?? "").split(separator: "&") {
      let (name, value) = cut(pair, at: "=")
      guard name == "db", let value else { throw refusal("the option '\(name)' is not known; only db=N is") }
      endpoint.database = try databaseNumber(value)
    }
  }

  private func databaseNumber(_ text: Substring) throws(RedisError) -> Int {
    guard let number = Int(text), number >= 0 else { throw refusal("the database must be a number from 0") }
    return number
  }

  private func cut(_ text: Substring, at mark: Character) -> (Substring, Substring?) {
    guard let index = text.firstIndex(of: mark) else { return (text, nil) }
    return (text[..<index], text[text.index(after: index)...])
  }

  static func unescape(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      // `UInt8` alone would take a sign for a digit.
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// The text is shown without what may be a password.
  private func refusal(
    _ reason: String,
    remedy: String = "write redis://[user:password@]host[:port][/database] or unix:///path/to/socket[?db=N]"
  ) -> RedisError {
    let shown = url.lastIndex(of: "@").map { "…" + url[$0...] } ?? url
    return RedisError(.address, endpoint: shown, "'\(shown)' is not a usable Redis address: \(reason)", remedy: remedy)
  }
}

import PercentEncoding

/// The grammar of `RedisEndpoint(url:)`.
struct EndpointParser {
  let url: String

  func parse() throws(RedisError) -> RedisEndpoint {
    guard let split = url.firstRange(of: "://") else { throw refusal("it has no scheme") }
    let rest = url[split.upperBound...]
    switch url[..<split.lowerBound].lowercased() {
    case "redis": return try servers(rest, tls: nil)
    case "rediss": return try servers(rest, tls: RedisTLS())
    case "redis+sentinel": return try sentinels(rest, tls: nil)
    case "rediss+sentinel": return try sentinels(rest, tls: RedisTLS())
    case "unix", "redis+unix": return try unix(rest)
    case let scheme: throw refusal("the scheme '\(scheme)' is not known")
    }
  }

  /// Cut where the parts of `parse()` are cut.
  var withoutPasswords: String {
    guard let split = url.firstRange(of: "://") else { return url }
    let (location, query) = cut(url[split.upperBound...], at: "?")
    let isSocket = url[..<split.lowerBound].lowercased().hasSuffix("unix")
    let (server, path) = isSocket ? (location, nil) : cut(location, at: "/")
    let address = server.hasPrefix("/") ? server : splitCredentials(server).1
    let options = (query ?? "").split(separator: "&").filter {
      !["sentinel_user", "sentinel_password"].contains(cut($0, at: "=").0)
    }
    return url[..<split.upperBound] + address + (path.map { "/" + $0 } ?? "")
      + (options.isEmpty ? "" : "?" + options.joined(separator: "&"))
  }

  private func servers(_ rest: Substring, tls: RedisTLS?) throws(RedisError) -> RedisEndpoint {
    let (authority, query) = cut(rest, at: "?")
    let (server, path) = cut(authority, at: "/")
    let (credentials, list) = splitCredentials(server)
    var endpoint = RedisEndpoint(.servers(try servers(in: list, port: 6379)), tls: tls)
    try logIn(&endpoint, credentials)
    if let path, !path.isEmpty { endpoint.database = try databaseNumber(path) }
    try apply(query, to: &endpoint)
    return endpoint
  }

  private func sentinels(_ rest: Substring, tls: RedisTLS?) throws(RedisError) -> RedisEndpoint {
    let (authority, query) = cut(rest, at: "?")
    let (server, path) = cut(authority, at: "/")
    let (credentials, list) = splitCredentials(server)
    let (name, database) = cut(path ?? "", at: "/")
    guard let primary = PercentEncoding.unescape(name), !primary.isEmpty else {
      throw refusal("after the sentinels must stand the name of the primary that they watch, such as /mymaster")
    }
    let sentinels = RedisEndpoint.Sentinels(servers: try servers(in: list, port: 26379), primary: primary)
    var endpoint = RedisEndpoint(.sentinels(sentinels), tls: tls)
    try logIn(&endpoint, credentials)
    if let database, !database.isEmpty { endpoint.database = try databaseNumber(database) }
    try apply(query, to: &endpoint)
    return endpoint
  }

  private func unix(_ rest: Substring) throws(RedisError) -> RedisEndpoint {
    let (location, query) = cut(rest, at: "?")
    let (credentials, rawPath) = location.hasPrefix("/") ? (nil, location) : splitCredentials(location)
    guard let path = PercentEncoding.unescape(rawPath), path.hasPrefix("/") else {
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
    guard let password, let name = PercentEncoding.unescape(user), let secret = PercentEncoding.unescape(password)
    else {
      throw refusal("before the @ must stand user:password or :password, percent-escaped")
    }
    endpoint.user = name.isEmpty ? nil : name
    endpoint.password = secret.isEmpty ? nil : secret
  }

  private func servers(in list: Substring, port: UInt16) throws(RedisError) -> [RedisEndpoint.Server] {
    var servers: [RedisEndpoint.Server] = []
    for text in list.split(separator: ",", omittingEmptySubsequences: false) {
      servers.append(try server(text, port: port))
    }
    return servers
  }

  private func server(_ text: Substring, port standard: UInt16) throws(RedisError) -> RedisEndpoint.Server {
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
    guard let number = port.map({ UInt16($0) }) ?? standard, number > 0 else {
      throw refusal("the port must be a number from 1 to 65535")
    }
    return RedisEndpoint.Server(host: host.isEmpty ? "localhost" : String(host), port: number)
  }

  private func databaseNumber(_ text: Substring) throws(RedisError) -> Int {
    guard let number = Int(text), number >= 0 else { throw refusal("the database must be a number from 0") }
    return number
  }

  private func cut(_ text: Substring, at mark: Character) -> (Substring, Substring?) {
    guard let index = text.firstIndex(of: mark) else { return (text, nil) }
    return (text[..<index], text[text.index(after: index)...])
  }
}

extension EndpointParser {
  private func apply(_ query: Substring?, to endpoint: inout RedisEndpoint) throws(RedisError) {
    for pair in (query ?? "").split(separator: "&") {
      let (name, value) = cut(pair, at: "=")
      guard let text = PercentEncoding.unescape(value ?? ""), !text.isEmpty else {
        throw refusal("the option '\(name)' says nothing")
      }
      guard try set(String(name), text, of: &endpoint) else {
        throw refusal("the option '\(name)' is not known; there are \(options(of: endpoint))")
      }
    }
    if let tls = endpoint.tls, (tls.certificate == nil) != (tls.key == nil) {
      throw refusal("the options cert and key go together")
    }
  }

  /// - Returns: false for an option that such an address does not have.
  private func set(_ name: String, _ value: String, of endpoint: inout RedisEndpoint) throws(RedisError) -> Bool {
    if name == "db" {
      endpoint.database = try databaseNumber(value[...])
      return true
    }
    if name.hasPrefix("sentinel_"), case .sentinels(var sentinels) = endpoint.address {
      switch name {
      case "sentinel_user": sentinels.user = value
      case "sentinel_password": sentinels.password = value
      default: return false
      }
      endpoint.address = .sentinels(sentinels)
      return true
    }
    guard endpoint.tls != nil else { return false }
    switch name {
    case "cacert": endpoint.tls?.authorities = value
    case "cert": endpoint.tls?.certificate = value
    case "key": endpoint.tls?.key = value
    case "server_name": endpoint.tls?.serverName = value
    default: return false
    }
    return true
  }

  private func options(of endpoint: RedisEndpoint) -> String {
    var names = ["db"]
    if endpoint.tls != nil { names += ["cacert", "cert", "key", "server_name"] }
    if case .sentinels = endpoint.address { names += ["sentinel_user", "sentinel_password"] }
    return names.joined(separator: ", ")
  }

  /// The text is shown without what may be a password.
  private func refusal(_ reason: String) -> RedisError {
    let scheme = url.prefix { $0 != ":" }
    let shown =
      url.contains("password") ? "\(scheme)://…" : url.lastIndex(of: "@").map { "…" + url[$0...] } ?? url
    return RedisError(
      .address, endpoint: shown, "'\(shown)' is not a usable Redis address: \(reason)",
      remedy:
        "write redis://[user:password@]host[:port][/database], rediss:// for TLS, unix:///path/to/socket[?db=N] or redis+sentinel://host[:port],…/primary"
    )
  }
}

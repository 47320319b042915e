/// Where a Redis server listens, and as whom to log in. Its description never shows the password.
package struct RedisEndpoint: Sendable, Hashable {
  /// One TCP address.
  package struct Server: Sendable, Hashable {
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
      self.host = host
      self.port = port
    }
  }

  /// Servers that know which one is the primary of a name.
  package struct Sentinels: Sendable, Hashable {
    package var servers: [Server]
    /// The name under which they watch the primary.
    package var primary: String
    /// As whom to log in to the sentinels themselves; nil for no login, or for their `default` user.
    package var user: String?
    package var password: String?
  }

  package enum Address: Sendable, Hashable {
    /// One server, nodes of one cluster, or a primary and its replicas: tried in this order.
    case servers([Server])
    case sentinels(Sentinels)
    case unix(path: String)

    package static func tcp(host: String, port: UInt16) -> Address { .servers([Server(host: host, port: port)]) }
  }

  package var address: Address
  /// Nil logs in as Redis' `default` user.
  package var user: String?
  package var password: String?
  /// Number of the database that `SELECT` chooses.
  package var database: Int
  /// Nil sends everything as it is.
  package var tls: RedisTLS?

  package init(
    _ address: Address, user: String? = nil, password: String? = nil, database: Int = 0, tls: RedisTLS? = nil
  ) {
    self.address = address
    self.user = user
    self.password = password
    self.database = database
    self.tls = tls
  }

  /// Reads, with user, password and path percent-escaped where they must be:
  ///
  /// - `redis://[[user]:password@]host[:port][,host[:port]…][/database]`; `rediss://…` over TLS
  /// - `unix://[[user]:password@]/path[?db=N]`
  /// - `redis+sentinel://[[user]:password@]host[:port][,…]/primary[/database]`; `rediss+sentinel://…` over TLS
  ///
  /// Options follow a `?`: `db`; with TLS `cacert`, `cert`, `key`, `server_name`; with sentinels `sentinel_user`,
  /// `sentinel_password`.
  /// - Throws: `RedisError(.address)`.
  package init(url: String) throws(RedisError) {
    self = try EndpointParser(url: url).parse()
  }

  /// The address to show or to type, as it was written but for its passwords, and who they are of.
  package static func withoutPasswords(_ url: String) -> String { EndpointParser(url: url).withoutPasswords }
}

extension RedisEndpoint {
  /// Whether others know where the server is.
  var isAskedFor: Bool { if case .sentinels = address { true } else { false } }
}

extension RedisEndpoint: CustomStringConvertible {
  package var description: String {
    let credentials = password == nil ? "" : "\(user ?? ""):***@"
    let scheme = tls == nil ? "redis" : "rediss"
    switch address {
    case .servers(let servers):
      return "\(scheme)://\(credentials)\(Self.list(servers))" + (database == 0 ? "" : "/\(database)")
    case .sentinels(let sentinels):
      let path = sentinels.primary + (database == 0 ? "" : "/\(database)")
      return "\(scheme)+sentinel://\(credentials)\(Self.list(sentinels.servers))/\(path)"
    case .unix(let path):
      return "unix://\(credentials)\(path)" + (database == 0 ? "" : "?db=\(database)")
    }
  }

  private static func list(_ servers: [Server]) -> String { servers.map(\.description).joined(separator: ",") }
}

extension RedisEndpoint.Server: CustomStringConvertible {
  package var description: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

  /// - Parameter text: `host:port` as nodes of clusters write it: an IPv6 address may lack its brackets.
  /// - Returns: nil when there is no port. The host is empty where it is that of the node which says it.
  init?(node text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
      return nil
    }
    self.init(host: text[..<colon].trimmingBrackets, port: port)
  }
}

extension Substring {
  fileprivate var trimmingBrackets: String { String(hasPrefix("[") && hasSuffix("]") ? dropFirst().dropLast() : self) }
}

/// Where a Redis server listens, and as whom to log in. Its description never shows the password.
package struct RedisEndpoint: Sendable, Hashable {
  package enum Address: Sendable, Hashable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }

  package var address: Address
  /// Nil logs in as Redis' `default` user.
  package var user: String?
  package var password: String?
  /// Number of the database that `SELECT` chooses.
  package var database: Int

  package init(_ address: Address, user: String? = nil, password: String? = nil, database: Int = 0) {
    self.address = address
    self.user = user
    self.password = password
    self.database = database
  }

  /// Reads `redis://[[user]:password@]host[:port][/database]` or `unix://[[user]:password@]/path[?db=N]`.
  /// User, password and path may be percent-escaped.
  /// - Throws: `RedisError(.address)`, also for `rediss://`, which this client does not speak.
  package init(url: String) throws(RedisError) {
    self = try EndpointParser(url: url).parse()
  }
}

extension RedisEndpoint: CustomStringConvertible {
  package var description: String {
    let credentials = password == nil ? "" : "\(user ?? ""):***@"
    switch address {
    case .tcp(let host, let port):
      let shownHost = host.contains(":") ? "[\(host)]" : host
      return "redis://\(credentials)\(shownHost):\(port)" + (database == 0 ? "" : "/\(database)")
    case .unix(let path):
      return "unix://\(credentials)\(path)" + (database == 0 ? "" : "?db=\(database)")
    }
  }
}

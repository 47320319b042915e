/// One proxy. Every text that is made from it leaves its password out; only the request to an executor has it.
package struct ProxyEndpoint: Sendable, Equatable {
  package enum Scheme: String, Sendable, CaseIterable {
    case http, https, socks5
  }

  package struct Credentials: Sendable, Equatable {
    package let username: String
    package let password: String

    package init(username: String, password: String) {
      self.username = username
      self.password = password
    }
  }

  package let scheme: Scheme
  package let host: String
  /// 1–65535.
  package let port: Int
  package let credentials: Credentials?

  /// - Throws: `ProxyProblem` naming the field.
  package init(
    scheme: Scheme, host: String, port: Int, username: String? = nil, password: String? = nil
  ) throws(ProxyProblem) {
    guard !host.isEmpty, !host.utf8.contains(where: { $0 <= 0x20 || "/@?#".utf8.contains($0) }) else {
      throw ProxyProblem("host", "'host' must be the name or address of a machine and nothing more")
    }
    guard (1...65_535).contains(port) else { throw ProxyProblem("port", "'port' must be from 1 to 65535") }
    self.scheme = scheme
    self.host = host
    self.port = port
    switch (username, password) {
    case (nil, nil): credentials = nil
    case (let username?, let password?) where !username.isEmpty && !password.isEmpty:
      credentials = Credentials(username: username, password: password)
    default:
      throw ProxyProblem(
        username == nil ? "password" : "username", "'username' and 'password' must come both or not at all")
    }
  }

  /// `http://user@host:8080`.
  package var name: String {
    let user = credentials.map { "\($0.username)@" } ?? ""
    return "\(scheme.rawValue)://\(user)\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }

  /// {`protocol`, `host`, `port`, `username?`}.
  package var redacted: JSONValue {
    var members: [String: JSONValue] = [
      "protocol": .string(scheme.rawValue), "host": .string(host), "port": .integer(Int64(port)),
    ]
    members["username"] = credentials.map { .string($0.username) }
    return .object(members)
  }
}

extension ProxyEndpoint: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { name }
  package var debugDescription: String { name }
  /// Dumps and failed expectations go through mirrors.
  package var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

extension ProxyEndpoint.Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { username }
  package var debugDescription: String { username }
  package var customMirror: Mirror { Mirror(self, children: ["username": username]) }
}

/// What is wrong with an endpoint or a pool; the message never holds a password.
package struct ProxyProblem: Error, Equatable {
  /// The field to change.
  package let field: String
  package let message: String

  package init(_ field: String, _ message: String) {
    self.field = field
    self.message = message
  }
}

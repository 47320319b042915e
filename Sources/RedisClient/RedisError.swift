/// What Redis or the way to it refused, in words for the person who runs the program. Holds no password.
package struct RedisError: Error, Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// The address cannot be read or is of a kind that is not supported.
    case address
    /// No connection could be made.
    case unreachable
    /// Password or user are missing or wrong, or the user may not do this.
    case authentication
    /// The server is there but cannot serve now: it loads its data or is a read-only replica.
    case notReady = "not_ready"
    /// What came back is not RESP, or not a reply to what was asked.
    case `protocol`
    /// No reply came before the call's deadline.
    case timeout
    /// The connection broke, or was closed by this side.
    case closed
    /// The server answered with an error; `code` is its first word.
    case server
    /// The server is too old or set up in a way that loses data.
    case unsuitable
  }

  package let kind: Kind
  /// Address of the server, without its password.
  package let endpoint: String
  package let message: String
  /// The next thing to do, when there is one.
  package let remedy: String?
  /// First word of the server's error reply, such as `NOSCRIPT` or `OOM`; nil for errors of the way to it.
  package let code: String?
  /// True when the server may or may not have carried out what was sent. Only what is safe to do twice may then be
  /// sent again. False means that it was certainly not carried out.
  package private(set) var outcomeUnknown: Bool

  package init(
    _ kind: Kind, endpoint: String, _ message: String, remedy: String? = nil, code: String? = nil,
    outcomeUnknown: Bool = false
  ) {
    self.kind = kind
    self.endpoint = endpoint
    self.message = message
    self.remedy = remedy
    self.code = code
    self.outcomeUnknown = outcomeUnknown
  }

  /// True for an outage (of the server or of the way to it) that may pass by itself.
  package var isOutage: Bool {
    switch kind {
    case .unreachable, .notReady, .timeout, .closed, .protocol: true
    case .address, .authentication, .server, .unsuitable: false
    }
  }

  func withUnknownOutcome() -> RedisError {
    var copy = self
    copy.outcomeUnknown = true
    return copy
  }
}

extension RedisError: CustomStringConvertible {
  package var description: String { remedy.map { "\(message)\n  \($0)" } ?? message }
}

extension RedisError {
  /// The error for an error reply of the server.
  /// - Parameter text: the reply without its leading `-`, for example `WRONGPASS invalid username-password pair`.
  package static func reply(_ text: String, endpoint: String) -> RedisError {
    let code = String(text.prefix { $0 != " " })
    switch code {
    case "NOAUTH":
      return RedisError(
        .authentication, endpoint: endpoint, "Redis at \(endpoint) asks for a password",
        remedy: "put it into the address: redis://:PASSWORD@host or redis://USER:PASSWORD@host", code: code)
    case "WRONGPASS":
      return RedisError(
        .authentication, endpoint: endpoint, "Redis at \(endpoint) refuses this user and password",
        remedy: "check user and password of the address; special characters are written percent-escaped", code: code)
    case "NOPERM":
      return RedisError(
        .authentication, endpoint: endpoint, "Redis at \(endpoint) denies a command to this user: \(text)",
        remedy: "grant the user the command and its keys (ACL SETUSER)", code: code)
    case "LOADING", "MASTERDOWN", "READONLY":
      return RedisError(
        .notReady, endpoint: endpoint, "Redis at \(endpoint) is not ready: \(text)",
        remedy: code == "READONLY" ? "give the address of the primary server, not of a replica" : nil, code: code)
    default:
      // A server without a password answers AUTH with a plain ERR that names it.
      if code == "ERR", text.contains("AUTH") {
        return RedisError(
          .authentication, endpoint: endpoint, "Redis at \(endpoint) refuses the login: \(text)",
          remedy: "the server has no such user or no password at all; take it out of the address", code: code)
      }
      return RedisError(.server, endpoint: endpoint, "Redis at \(endpoint) answered: \(text)", code: code)
    }
  }

  /// Whether an error reply says that the server cannot serve for now (and did nothing).
  static func isNotReady(_ text: String) -> Bool {
    text.hasPrefix("LOADING") || text.hasPrefix("READONLY") || text.hasPrefix("MASTERDOWN")
  }
}

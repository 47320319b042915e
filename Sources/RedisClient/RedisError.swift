/// What Redis or the way to it refused, in words for the person who runs the program. Holds no password.
package struct RedisError: Error, Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// The address cannot be read or is of a kind that is not supported.
    case address
    /// No connection could be made.
    case unreachable
    /// The server is there, and TLS could not be agreed: a certificate is not accepted, a file is missing.
    case tls
    /// Password or user are missing or wrong, or the user may not do this.
    case authentication
    /// The server is there but cannot serve now, and did nothing: it loads its data, is a replica, its part of the
    /// cluster is being moved, it takes no writes or no more clients.
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
  /// The node of a cluster that has what was asked for, as `host:port`; only with `code` MOVED.
  let movedTo: String?

  package init(
    _ kind: Kind, endpoint: String, _ message: String, remedy: String? = nil, code: String? = nil,
    outcomeUnknown: Bool = false
  ) {
    self.init(
      kind, endpoint: endpoint, message, remedy: remedy, code: code, outcomeUnknown: outcomeUnknown, movedTo: nil)
  }

  init(
    _ kind: Kind, endpoint: String, _ message: String, remedy: String?, code: String?, outcomeUnknown: Bool = false,
    movedTo: String?
  ) {
    self.kind = kind
    self.endpoint = endpoint
    self.message = message
    self.remedy = remedy
    self.code = code
    self.outcomeUnknown = outcomeUnknown
    self.movedTo = movedTo
  }

  /// True for an outage (of the server or of the way to it) that may pass by itself.
  package var isOutage: Bool {
    switch kind {
    case .unreachable, .notReady, .timeout, .closed, .protocol: true
    case .address, .tls, .authentication, .server, .unsuitable: false
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

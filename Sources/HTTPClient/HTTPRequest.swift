/// One request. Its headers may be secrets, so nothing of it is ever put into a message.
package struct HTTPRequest: Sendable {
  package var method: String
  package var address: HTTPAddress
  /// In this order; names are sent as they are written.
  package var headers: [Header]
  package var body: [UInt8]
  /// From the look-up of the host's name to the last byte of the answer.
  package var timeout: Duration
  /// Until the connection stands; `timeout` bounds it too.
  package var connectTimeout: Duration = .seconds(3_600)
  /// For how long not a byte need go or come, in whole seconds: for transfers whose `timeout` must be long.
  package var stallTimeout: Duration?
  /// Whether the server is asked before the body is sent, so that a refusal comes instead of a broken connection. One
  /// that does not know the question costs a second.
  package var asksFirst = false
  /// False goes straight to the host, whatever proxy the environment names.
  package var usesProxy = true

  package init(
    _ method: String, _ address: HTTPAddress, headers: [Header] = [], body: [UInt8] = [], timeout: Duration
  ) {
    self.method = method
    self.address = address
    self.headers = headers
    self.body = body
    self.timeout = timeout
  }

  /// Whether it says how long its body is, be it empty.
  var hasBody: Bool { !body.isEmpty || ["POST", "PUT", "PATCH"].contains(method) }

  package struct Header: Sendable, Hashable {
    package let name: String
    package let value: String

    /// - Throws: `HTTPError` for a name that is no token, or a value that would begin a line of its own. The message
    ///   shows the name, never the value.
    package init(_ name: String, _ value: String) throws(HTTPError) {
      guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenByte) else {
        throw HTTPError("a header's name holds more than letters, digits and !#$%&'*+-.^_`|~")
      }
      guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
        throw HTTPError("the value of header '\(name)' holds a control character")
      }
      self.name = name
      self.value = value
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
    }
  }
}

/// Why a request brought no answer. Holds nothing of the request but its origin.
package struct HTTPError: Error, Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// It cannot be sent as it is, by this machine or to this server; trying again changes nothing.
    case invalid
    /// The server's certificate is by nobody who is trusted, or another host's; or those to trust cannot be read.
    case untrusted
    /// No connection came about, so nothing of it was sent.
    case unreachable
    /// The connection broke: the server may have acted on the request or not.
    case interrupted
    /// Time ran out: the server may have acted on the request or not.
    case timedOut
    /// The one who reads the answer wanted no more of it.
    case stopped
  }

  package let kind: Kind
  package let message: String

  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// Of the kind `invalid`.
  package init(_ message: String) { self.init(.invalid, message) }
}

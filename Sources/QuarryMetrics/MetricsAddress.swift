import QuarryCore

/// Where metrics are served: a TCP port or a unix socket.
package enum MetricsAddress: Sendable, Equatable, CustomStringConvertible {
  /// Port 0 takes a free one.
  case tcp(host: String, port: UInt16)
  case unix(path: String)

  package static let loopback = "127.0.0.1"

  /// `HOST:PORT`, `[::1]:PORT`, `:PORT` and `PORT` (both of this machine alone), `unix:PATH`.
  /// - Throws: `QuarryError(.usage)`.
  package init(_ text: String) throws(QuarryError) {
    if text.hasPrefix("unix:") {
      let rest = text.dropFirst("unix:".count)
      self = .unix(path: try Self.path(rest.hasPrefix("//") ? rest.dropFirst(2) : rest))
      return
    }
    let whole = text.hasPrefix(":") ? Self.loopback + text : text.contains(":") ? text : "\(Self.loopback):\(text)"
    guard let colon = whole.lastIndex(of: ":"), let port = UInt16(whole[whole.index(after: colon)...]),
      let place = HostAndPort(whole[..<colon]), place.port == nil
    else {
      throw QuarryError(
        .usage, "'\(text)' is no address for metrics",
        remedy: "write --metrics-addr HOST:PORT, [IPV6]:PORT, :PORT (this machine alone) or unix:PATH")
    }
    self = .tcp(host: place.host, port: port)
  }

  /// What `sockaddr_un` has room for.
  private static func path(_ text: Substring) throws(QuarryError) -> String {
    guard !text.isEmpty, text.utf8.count < 108 else {
      throw QuarryError(
        .usage, "'\(text)' cannot be the path of a unix socket for metrics",
        remedy: "write --metrics-addr unix:PATH with a path of 1 to 107 bytes")
    }
    return String(text)
  }

  package var description: String {
    switch self {
    case .tcp(let host, let port): "http://\(host.contains(":") ? "[\(host)]" : host):\(port)/metrics"
    case .unix(let path): "unix:\(path)"
    }
  }
}

import PercentEncoding
import QuarryCore

/// Where a browser listens, taken apart. The path is as good as a password, so no message holds it.
package struct BrowserAddress: Equatable {
  package var isSecure: Bool
  /// `name:password` from in front of the host, as the server is told: no longer percent-encoded.
  package var userInfo: String?
  package var host: String
  package var port: UInt16
  /// Path and query, with their slash.
  package var target: String

  /// - Throws: `QuarryError(.usage)` when the text is no `ws://` or `wss://` URL.
  package init(_ url: String) throws(QuarryError) {
    guard let parsed = Self(parsing: url) else {
      throw QuarryError(
        .usage, "the browser endpoint is not a WebSocket address",
        remedy: "for example ws://127.0.0.1:9222/devtools/browser/ID, as http://127.0.0.1:9222/json/version tells it")
    }
    self = parsed
  }

  private init?(parsing url: String) {
    let schemes: [(String, UInt16)] = [("ws://", 80), ("wss://", 443)]
    guard let (scheme, usual) = schemes.first(where: { url.lowercased().hasPrefix($0.0) }) else { return nil }
    guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else { return nil }
    isSecure = scheme == "wss://"
    let rest = url.dropFirst(scheme.count)
    let authority = rest.prefix { !"/?#".contains($0) }
    let path = rest[authority.endIndex...].prefix { $0 != "#" }
    target = path.hasPrefix("/") ? String(path) : "/" + path
    let at = authority.lastIndex(of: "@")
    userInfo = at.map { Self.plain(userInfo: authority[..<$0]) }
    let place = at.map { authority[authority.index(after: $0)...] } ?? authority
    guard let place = HostAndPort(place) else { return nil }
    host = place.host
    port = place.port ?? usual
  }

  private static func plain(userInfo: Substring) -> String {
    let parts = userInfo.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    return "\(decoded(parts[0])):\(parts.count > 1 ? decoded(parts[1]) : "")"
  }

  /// What is not percent-encoded UTF-8 stays as it is.
  private static func decoded(_ text: Substring) -> String { PercentEncoding.unescape(text) ?? String(text) }

  /// The host as a `Host` header has it.
  var hostHeader: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}

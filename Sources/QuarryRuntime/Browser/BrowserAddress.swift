import QuarryCore

/// Where a browser listens, taken apart. The path is as good as a password, so no message holds it.
struct BrowserAddress: Equatable {
  var isSecure: Bool
  /// `name:password` in front of the host.
  var userInfo: String?
  var host: String
  var port: UInt16
  /// Path and query, with their slash.
  var target: String

  /// - Throws: `QuarryError(.usage)` when the text is no `ws://` or `wss://` URL.
  init(_ url: String) throws(QuarryError) {
    guard let parsed = Self(parsing: url) else {
      throw QuarryError(
        .usage, "the browser endpoint is not a WebSocket address", remedy: "for example ws://127.0.0.1:9222/devtools/…")
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
    userInfo = at.map { String(authority[..<$0]) }
    let place = at.map { authority[authority.index(after: $0)...] } ?? authority
    guard let (host, port) = Self.place(place, usual: usual) else { return nil }
    self.host = host
    self.port = port
  }

  private static func place(_ text: Substring, usual: UInt16) -> (String, UInt16)? {
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      return pair(text[text.index(after: text.startIndex)..<end], text[end...].dropFirst(), usual)
    }
    let colon = text.lastIndex(of: ":") ?? text.endIndex
    return pair(text[..<colon], text[colon...], usual)
  }

  private static func pair(_ host: Substring, _ port: Substring, _ usual: UInt16) -> (String, UInt16)? {
    guard !host.isEmpty else { return nil }
    if port.isEmpty { return (String(host), usual) }
    guard port.hasPrefix(":"), let number = UInt16(port.dropFirst()), number > 0 else { return nil }
    return (String(host), number)
  }

  /// The host as a `Host` header has it.
  var hostHeader: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}

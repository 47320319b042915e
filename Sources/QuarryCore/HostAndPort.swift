/// The place in a URL, taken apart: `host`, `host:port`, `[::1]` or `[::1]:port`.
package struct HostAndPort: Sendable, Equatable {
  /// As it is written; an IPv6 address without its brackets.
  package let host: String
  /// From 1; nil when none is named.
  package let port: UInt16?
  private let isBracketed: Bool

  /// - Returns: nil for an empty host, for one with spaces, and for a port that is none.
  package init?(_ text: Substring) {
    isBracketed = text.hasPrefix("[")
    guard let end = isBracketed ? text.firstIndex(of: "]") : text.firstIndex(of: ":") ?? text.endIndex else {
      return nil
    }
    let host = isBracketed ? text[..<end].dropFirst() : text[..<end]
    let rest = isBracketed ? text[end...].dropFirst() : text[end...]
    guard !host.isEmpty, !host.contains(where: \.isWhitespace), rest.isEmpty || rest.hasPrefix(":") else { return nil }
    self.host = String(host)
    let digits = rest.dropFirst()
    guard !digits.isEmpty else {
      port = nil
      return
    }
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits), port > 0 else {
      return nil
    }
    self.port = port
  }

  /// As a URL has it.
  package var hostInURL: String { isBracketed ? "[\(host)]" : host }
}

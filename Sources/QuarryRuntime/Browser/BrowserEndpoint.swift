import Glibc
import QuarryCore

/// A browser that somebody else runs.
package enum BrowserEndpoint {
  /// Connects once and closes again, so that a wrong address is known before a run starts. Blocks the calling thread.
  /// - Throws: `QuarryError(.usage)` when the text is no `ws://` or `wss://` URL, `.executor` when nobody answers.
  package static func check(_ url: String, timeout: Duration = .seconds(5)) throws(QuarryError) {
    guard let (host, port) = address(of: url) else {
      throw QuarryError(
        .usage, "'\(url)' is not a browser endpoint", remedy: "give a URL such as ws://127.0.0.1:9222/…")
    }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let failure = getaddrinfo(host, String(port), &hints, &found)
    guard failure == 0 else { throw unreachable(host, port, String(cString: gai_strerror(failure))) }
    defer { freeaddrinfo(found) }
    var reason: Int32 = ECONNREFUSED
    var next = found
    while let candidate = next?.pointee {
      reason = connect(to: candidate, timeout: timeout)
      if reason == 0 { return }
      next = candidate.ai_next
    }
    throw unreachable(host, port, errorText(reason))
  }

  /// Host and port; nil when the text is no WebSocket URL.
  static func address(of url: String) -> (host: String, port: UInt16)? {
    let schemes: [(String, UInt16)] = [("ws://", 80), ("wss://", 443)]
    guard let (scheme, usual) = schemes.first(where: { url.lowercased().hasPrefix($0.0) }) else { return nil }
    let rest = url.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
    let authority = rest.split(separator: "@", omittingEmptySubsequences: false).last ?? rest
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      return pair(authority[authority.index(after: authority.startIndex)..<end], authority[end...].dropFirst(), usual)
    }
    let colon = authority.lastIndex(of: ":") ?? authority.endIndex
    return pair(authority[..<colon], authority[colon...], usual)
  }

  private static func pair(_ host: Substring, _ port: Substring, _ usual: UInt16) -> (String, UInt16)? {
    guard !host.isEmpty else { return nil }
    if port.isEmpty { return (String(host), usual) }
    guard port.hasPrefix(":"), let number = UInt16(port.dropFirst()), number > 0 else { return nil }
    return (String(host), number)
  }

  /// Answers 0 or an `errno`.
  private static func connect(to address: addrinfo, timeout: Duration) -> Int32 {
    let type = address.ai_socktype | O_NONBLOCK | O_CLOEXEC
    let descriptor = Descriptor(owning: socket(address.ai_family, type, address.ai_protocol))
    guard descriptor.number >= 0 else { return errno }
    if Glibc.connect(descriptor.number, address.ai_addr, address.ai_addrlen) == 0 { return 0 }
    guard errno == EINPROGRESS else { return errno }
    var wait = pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)
    guard poll(&wait, 1, Int32(clamping: timeout.milliseconds)) > 0 else { return ETIMEDOUT }
    var reason: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &reason, &length)
    return reason
  }

  private static func unreachable(_ host: String, _ port: UInt16, _ reason: String) -> QuarryError {
    QuarryError(
      .executor, "no browser answers at \(host) port \(port): \(reason)",
      remedy: "start it, correct --browser-ws-endpoint, or leave that out to use the project's own browser")
  }
}

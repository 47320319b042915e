import Glibc
import QuarryCore

/// Whether the browser that was named listens at all. A run whose browser is not there fails before it starts.
enum BrowserProbe {
  private static let patience: Int32 = 5_000

  /// Opens a connection to the address and closes it again.
  /// - Throws: `QuarryError(.executor)`.
  static func check(_ endpoint: String) throws(QuarryError) {
    guard let (host, port) = address(of: endpoint) else {
      throw QuarryError(.usage, "the browser endpoint names no host", remedy: "for example ws://127.0.0.1:9222/…")
    }
    guard answers(host, port) else {
      throw QuarryError(
        .executor, "no browser answers at \(host):\(port)",
        remedy: "start it, correct --browser-ws-endpoint, or leave it out to get a browser of the run's own")
    }
  }

  /// Host and port of a WebSocket address.
  static func address(of endpoint: String) -> (host: String, port: String)? {
    guard let scheme = endpoint.firstRange(of: "://") else { return nil }
    let authority = endpoint[scheme.upperBound...].prefix { !"/?#".contains($0) }
    let hostPort = authority.split(separator: "@").last.map(String.init) ?? ""
    let defaultPort = endpoint.hasPrefix("wss:") ? "443" : "80"
    if hostPort.hasPrefix("["), let end = hostPort.firstIndex(of: "]") {
      let rest = hostPort[hostPort.index(after: end)...]
      return (String(hostPort[hostPort.index(after: hostPort.startIndex)..<end]), rest.isEmpty ? defaultPort : String(rest.dropFirst()))
    }
    let parts = hostPort.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard let host = parts.first, !host.isEmpty else { return nil }
    return (host, parts.count > 1 ? parts[1] : defaultPort)
  }

  private static func answers(_ host: String, _ port: String) -> Bool {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, port, &hints, &found) == 0 else { return false }
    defer { freeaddrinfo(found) }
    var candidate = found
    while let address = candidate {
      if connects(address.pointee) { return true }
      candidate = address.pointee.ai_next
    }
    return false
  }

  private static func connects(_ address: addrinfo) -> Bool {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.ai_family, type, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    if connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return true }
    guard errno == EINPROGRESS else { return false }
    var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard poll(&event, 1, patience) == 1 else { return false }
    var failure: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0
  }
}

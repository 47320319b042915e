import Glibc
import QuarryCore
import Synchronization

/// A socket that listens for whoever reads metrics.
package final class MetricsListener: Sendable {
  /// With the port that was taken.
  package let address: MetricsAddress
  let descriptor: Int32
  private let isOpen = Mutex(true)

  /// - Throws: `QuarryError(.usage)` saying why nothing can listen there.
  package init(_ address: MetricsAddress) throws(QuarryError) {
    switch address {
    case .tcp(let host, let port):
      descriptor = try Self.listen(host: host, port: port, as: address)
      self.address = .tcp(host: host, port: Self.port(of: descriptor) ?? port)
    case .unix(let path):
      descriptor = try Self.listen(path: path, as: address)
      self.address = address
    }
  }

  deinit { stop() }

  /// Nobody can come any more, and the socket is gone.
  func stop() {
    let wasOpen = isOpen.withLock { isOpen in
      defer { isOpen = false }
      return isOpen
    }
    guard wasOpen else { return }
    close(descriptor)
    if case .unix(let path) = address { unlink(path) }
  }

  private static func listen(host: String, port: UInt16, as address: MetricsAddress) throws(QuarryError) -> Int32 {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, "\(port)", &hints, &found)
    guard status == 0, let first = found else { throw refusal(address, String(cString: gai_strerror(status))) }
    defer { freeaddrinfo(found) }
    let socket = try socket(first.pointee.ai_family, as: address)
    var on: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard bind(socket, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0, Glibc.listen(socket, 64) == 0 else {
      throw refusal(address, closing: socket)
    }
    return socket
  }

  /// A socket file that a dead process left is replaced.
  private static func listen(path: String, as address: MetricsAddress) throws(QuarryError) -> Int32 {
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK, !(try answers(name, as: address)) { unlink(path) }
    let socket = try socket(AF_UNIX, as: address)
    guard withAddress(&name, { bind(socket, $0, $1) }) == 0, Glibc.listen(socket, 64) == 0 else {
      throw refusal(address, closing: socket)
    }
    return socket
  }

  private static func answers(_ name: sockaddr_un, as address: MetricsAddress) throws(QuarryError) -> Bool {
    var name = name
    let probe = try socket(AF_UNIX, as: address)
    defer { close(probe) }
    return withAddress(&name) { connect(probe, $0, $1) } == 0 || errno == EAGAIN
  }

  private static func withAddress(
    _ name: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }

  private static func socket(_ family: Int32, as address: MetricsAddress) throws(QuarryError) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let socket = Glibc.socket(family, type, 0)
    guard socket >= 0 else { throw refusal(address, String(cString: strerror(errno))) }
    return socket
  }

  private static func port(of socket: Int32) -> UInt16? {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
    }
    guard status == 0 else { return nil }
    // Both families have the port in the same place.
    return withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
  }

  private static func refusal(_ address: MetricsAddress, closing socket: Int32) -> QuarryError {
    let code = errno
    close(socket)
    return refusal(address, code == EADDRINUSE ? "it is in use" : String(cString: strerror(code)))
  }

  private static func refusal(_ address: MetricsAddress, _ reason: String) -> QuarryError {
    QuarryError(
      .usage, "metrics cannot be served at \(address): \(reason)",
      remedy: "name another place with --metrics-addr HOST:PORT (port 0 takes a free one) or unix:PATH")
  }
}

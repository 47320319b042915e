import Foundation
import Synchronization

/// Stands before a server on a port of 127.0.0.1 and passes on what goes both ways, until it is told to let the
/// connections of that moment hang: they stay open, and nothing more comes through. Later ones work again.
package final class FaultProxy: Sendable {
  package let port: UInt16
  private let listener: Int32
  private let upstream: UInt16
  /// Where the server sees the connections come from.
  private let source: String
  private let state = Mutex(State())

  private struct State {
    var open: [ObjectIdentifier: Connection] = [:]
    var age = 0
  }

  package init(to upstream: UInt16, from source: String = "127.0.0.1") throws {
    self.upstream = upstream
    self.source = source
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    self.listener = listener
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    var address = Self.address("127.0.0.1", 0)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(listener, generic, size) == 0 && listen(listener, 128) == 0 ? getsockname(listener, generic, &size) : -1
      }
    }
    guard status == 0 else { throw ServerProcess.Failure(description: "the proxy cannot listen") }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [weak self] in
      while case let client = accept(listener, nil, nil), client >= 0 {
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        self?.serve(client)
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    for connection in state.withLock({ $0.open.values }) { connection.end() }
  }

  /// From now on nothing comes through the connections that there are.
  /// - Returns: how many.
  @discardableResult
  package func hang() -> Int {
    state.withLock { state in
      state.age += 1
      return state.open.count
    }
  }

  private func serve(_ client: Int32) {
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard Self.call(server, Self.address(source, 0), bind),
      Self.call(server, Self.address("127.0.0.1", upstream), connect)
    else {
      for descriptor in [client, server] { close(descriptor) }
      return
    }
    let connection = Connection(ends: [client, server], age: state.withLock(\.age))
    state.withLock { $0.open[ObjectIdentifier(connection)] = connection }
    for (from, to) in [(client, server), (server, client)] {
      Thread.detachNewThread { [weak self] in Self.pass(from, to, connection) { self } }
    }
  }

  /// Both ways of one connection; its sockets live as long as one of its threads.
  private final class Connection: Sendable {
    let ends: [Int32]
    let age: Int

    init(ends: [Int32], age: Int) {
      self.ends = ends
      self.age = age
    }

    deinit { for end in ends { close(end) } }

    func end() { for end in ends { shutdown(end, Int32(SHUT_RDWR)) } }
  }

  private static func pass(_ from: Int32, _ to: Int32, _ connection: Connection, _ proxy: () -> FaultProxy?) {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while case let count = read(from, &buffer, buffer.count), count > 0 {
      guard let proxy = proxy() else { break }
      // What comes later is read, so that the sender notices nothing, and lost.
      if proxy.state.withLock({ $0.age != connection.age }) { continue }
      guard send(to, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
    }
    connection.end()
    proxy()?.state.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(connection)) }
  }

  private static func address(_ host: String, _ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr(host)
    address.sin_port = port.bigEndian
    return address
  }

  private static func call(
    _ descriptor: Int32, _ address: sockaddr_in, _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Bool {
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}

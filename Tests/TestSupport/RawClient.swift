import Glibc
import QuarryCore

/// A client of a small HTTP server on this machine, as polite or as rude as a test wants it.
package final class RawClient: Sendable {
  package struct Failure: Error { let call: String }
  private let descriptor: Int32

  package init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    try Self.connect(descriptor, name)
  }

  package init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
    try Self.connect(descriptor, name)
  }

  deinit { close(descriptor) }

  private static func connect<Name>(_ descriptor: Int32, _ name: Name) throws {
    var name = name
    let status = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Name>.size))
      }
    }
    guard status == 0 else { throw Failure(call: "connect: \(errno)") }
  }

  package func send(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// All that comes until the server hangs up.
  package func readAll() async -> String {
    await OwnThread.run { [descriptor] in
      var text: [UInt8] = []
      var piece = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = recv(descriptor, &piece, piece.count, 0)
        guard count > 0 else { break }
        text += piece[..<count]
      }
      return String(decoding: text, as: UTF8.self)
    }
  }

  /// The whole answer, head and body.
  package func ask(_ request: String) async -> String {
    send(request)
    return await readAll()
  }

  package func get(_ path: String) async -> String { await ask("GET \(path) HTTP/1.1\r\nHost: here\r\n\r\n") }
}

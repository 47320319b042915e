import Foundation

/// Listens on a free port of loopback and gives whoever asks the same answer.
final class OneAnswerServer: Sendable {
  let port: UInt16
  private let descriptor: Int32

  init(_ answer: String) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, length)
        _ = getsockname(descriptor, $0, &length)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    listen(descriptor, 8)
    Thread.detachNewThread {
      while case let client = accept(descriptor, nil, nil), client >= 0 {
        var request = [UInt8](repeating: 0, count: 4096)
        _ = read(client, &request, request.count)
        _ = Array(answer.utf8).withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        close(client)
      }
      // Here and nowhere else: until then nobody else can get the number of a descriptor that this thread waits on.
      close(descriptor)
    }
  }

  /// Wakes the thread, which then ends.
  deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

import Foundation

/// Ports for servers that cannot choose one themselves: below those that the system gives to clients, so that none of
/// them is taken between the choice and the start.
enum PortBlock {
  static func free(count: Int) throws -> [UInt16] {
    for _ in 0..<100 {
      let first = UInt16.random(in: 10_000..<31_000)
      let ports = (0..<UInt16(count)).map { first + $0 }
      if ports.allSatisfy(isFree) { return ports }
    }
    throw ServerProcess.Failure(description: "no free ports")
  }

  private static func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}

import Foundation

extension HTTPServer.Upstream {
  /// Asks it the same over a connection of its own.
  /// - Returns: the bytes for the one who asked; nil when there are none.
  func answer(to request: HTTPServer.Request, _ relay: HTTPServer.Relay, without hidden: Set<String>) -> [UInt8]? {
    var lines = [request.line]
    for (name, value) in request.headers where name != "connection" && name != "expect" && !hidden.contains(name) {
      lines.append("\(name): \(value)")
    }
    lines += ["Connection: close", "", ""]
    let head = Array(lines.joined(separator: "\r\n").utf8)
    if case .broken(let count) = relay {
      _ = exchange(head + request.bytes.prefix(count), isWhole: false)
      return nil
    }
    guard let answer = exchange(head + request.bytes) else { return nil }
    switch relay {
    case .whole: return answer
    case .lost, .broken: return nil
    case .changed(let change): return change(answer)
    case .cut(let count):
      let head = answer.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound ?? 0
      return Array(answer.prefix(head + count))
    }
  }

  /// A request without a body, for servers that want no signature.
  /// - Returns: the status; nil when nobody answers.
  package func send(_ method: String, _ path: String) -> Int? {
    let text =
      "\(method) \(path) HTTP/1.1\r\nHost: \(address):\(port)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    guard let answer = exchange(Array(text.utf8)) else { return nil }
    return String(decoding: answer.prefix(64), as: UTF8.self).split(separator: " ").dropFirst().first.flatMap {
      Int($0)
    }
  }

  /// - Parameter isWhole: false ends what is sent there, so that the other side waits for no more.
  /// - Returns: all that comes until the other side closes; nil when that is nothing.
  private func exchange(_ bytes: [UInt8], isWhole: Bool = true) -> [UInt8]? {
    let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(connection) }
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = port.bigEndian
    inet_pton(AF_INET, address, &place.sin_addr)
    let status = withUnsafePointer(to: &place) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0, HTTPServer.write(connection, bytes) else { return nil }
    if !isWhole { shutdown(connection, Int32(SHUT_WR)) }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(connection, &chunk, chunk.count)
      guard count > 0 else { return answer.isEmpty ? nil : answer }
      answer += chunk[..<count]
    }
  }
}

import Foundation
import Synchronization

/// A real HTTP server on a free port of 127.0.0.1, which does to each request what the test says. Can be closed and
/// opened again on the same port.
package final class HTTPServer: Sendable {
  package struct Request: Sendable {
    /// `POST /path HTTP/1.1`.
    package let line: String
    /// Names in lower case.
    package let headers: [String: String]
    package let bytes: [UInt8]
    package var body: String { String(decoding: bytes, as: UTF8.self) }
  }

  package enum Answer: Sendable {
    case status(Int, headers: [String] = [], body: String = "ok")
    /// A body that is announced longer than it is; the connection is closed behind it.
    case cut(String)
    /// Nothing is ever answered.
    case silence
    /// An answer that begins and never ends, a byte at a time.
    case drip
    /// The connection is closed without an answer.
    case hangUp
    /// The answer of another server, which is asked the same, but for headers of these names.
    case relay(to: Upstream, Relay = .whole, without: Set<String> = [])
  }

  /// What is done to the answer of another server.
  package enum Relay: Sendable {
    case whole
    /// The connection is closed without it.
    case lost
    /// The connection breaks after so many bytes of the request's body.
    case broken(after: Int)
    /// The connection is closed after so many bytes of its body.
    case cut(after: Int)
    /// The connection brings what is made of it.
    case changed(@Sendable (_ answer: [UInt8]) -> [UInt8])
  }

  package struct Upstream: Sendable {
    /// Four numbers.
    package let address: String
    package let port: UInt16

    package init(address: String, port: UInt16) {
      self.address = address
      self.port = port
    }
  }

  private struct State {
    var listener: Int32 = -1
    var connections: Set<Int32> = []
    var requests: [Request] = []
    var accepted = 0
  }

  package let port: UInt16
  private let refusal: Int?
  private let answer: @Sendable (_ request: Request, _ number: Int) -> Answer
  private let state = Mutex(State())

  /// - Parameters:
  ///   - refusal: the status for whoever asks before it sends its body; nil lets it send.
  ///   - answer: called for each request with its number from 1; from any thread.
  package init(refusal: Int? = nil, answer: @escaping @Sendable (_ request: Request, _ number: Int) -> Answer) throws {
    self.refusal = refusal
    self.answer = answer
    let (listener, port) = try Self.listen(on: 0)
    self.port = port
    serve(listener)
  }

  deinit { close() }

  package var url: String { "http://127.0.0.1:\(port)" }
  package var requests: [Request] { state.withLock { $0.requests } }
  /// How many connections there have been.
  package var accepted: Int { state.withLock { $0.accepted } }

  /// Nobody listens any more; open connections are closed.
  package func close() {
    state.withLock { state in
      for descriptor in state.connections.union([state.listener]) where descriptor >= 0 {
        shutdown(descriptor, Int32(SHUT_RDWR))
      }
      state.listener = -1
    }
  }

  /// Listens again on the port it had.
  package func open() throws { serve(try Self.listen(on: port).0) }

  private static func listen(on port: UInt16) throws -> (Int32, UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, size) == 0 && Foundation.listen(descriptor, 64) == 0
          ? getsockname(descriptor, generic, &size) : -1
      }
    }
    guard status == 0 else { throw RunningProcess.Failure(description: "no port: \(errno)") }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  private func serve(_ listener: Int32) {
    state.withLock { $0.listener = listener }
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0, let self else { break }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        self.state.withLock { state in
          state.connections.insert(connection)
          state.accepted += 1
        }
        Thread.detachNewThread { [weak self] in
          while self?.exchange(connection) == true {}
          self?.state.withLock { _ = $0.connections.remove(connection) }
          Foundation.close(connection)
        }
      }
      Foundation.close(listener)
    }
  }

  /// - Returns: whether the connection may bring another request.
  private func exchange(_ connection: Int32) -> Bool {
    guard let request = read(connection) else { return false }
    let number = state.withLock { state in
      state.requests.append(request)
      return state.requests.count
    }
    switch answer(request, number) {
    case .status(let status, let headers, let body):
      let isHead = request.line.hasPrefix("HEAD ")
      let lines =
        ["HTTP/1.1 \(status) Word", "Content-Length: \(body.utf8.count)"] + headers + ["", isHead ? "" : body]
      return Self.write(connection, lines.joined(separator: "\r\n"))
    case .cut(let body):
      _ = Self.write(connection, "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count + 1)\r\n\r\n\(body)")
      return false
    case .silence:
      _ = read(connection)
      return false
    case .drip:
      var goesOn = Self.write(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
      while goesOn {
        usleep(20_000)
        goesOn = Self.write(connection, "x")
      }
      return false
    case .hangUp: return false
    case .relay(let upstream, let relay, let hidden):
      if let answer = upstream.answer(to: request, relay, without: hidden) { _ = Self.write(connection, answer) }
      return false
    }
  }

  private func read(_ connection: Int32) -> Request? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    var head: Head?
    while true {
      if head == nil {
        head = Head(bytes)
        if head?.asks == true {
          let line = refusal.map { "\($0) Word\r\nContent-Length: 0\r\nConnection: close" } ?? "100 Continue"
          guard Self.write(connection, "HTTP/1.1 \(line)\r\n\r\n"), refusal == nil else { return nil }
        }
      }
      if let head, bytes.count >= head.length + head.bodyLength {
        return Request(line: head.line, headers: head.headers, bytes: Array(bytes[head.length...]))
      }
      let count = Foundation.read(connection, &chunk, chunk.count)
      guard count > 0 else { return nil }
      bytes += chunk[..<count]
    }
  }

  /// The lines before a body.
  private struct Head {
    let line: String
    var headers: [String: String] = [:]
    /// Bytes, with the empty line.
    let length: Int

    /// Nil until all of it is there.
    init?(_ bytes: [UInt8]) {
      guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
      length = end.upperBound
      let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
      line = lines[0]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
        if let name = parts.first { headers[name.lowercased()] = parts.count == 2 ? parts[1] : "" }
      }
    }

    /// Whether the other side waits for a word before it sends the body.
    var asks: Bool { headers["expect"] == "100-continue" }
    var bodyLength: Int { headers["content-length"].flatMap { Int($0) } ?? 0 }
  }

  private static func write(_ connection: Int32, _ text: String) -> Bool { write(connection, Array(text.utf8)) }

  static func write(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }
}

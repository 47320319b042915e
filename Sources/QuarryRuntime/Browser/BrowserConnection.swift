import Glibc
import QuarryCore
import QuarryWire

/// A connection to where a browser listens, for the first words of HTTP. Blocks the calling thread.
struct BrowserConnection: ~Copyable {
  /// Why there is no answer, in words that hold neither path nor password.
  struct Failure: Error {
    let reason: String
  }

  let descriptor: Descriptor
  private let deadline: UInt64

  private static let headLimit = 16 * 1024

  /// - Parameter deadline: for this and all that is asked afterwards, in nanoseconds of `BootClock`.
  init(_ address: BrowserAddress, deadline: UInt64) throws(Failure) {
    descriptor = try Self.open(address, deadline)
    self.deadline = deadline
  }

  consuming func takeDescriptor() -> Descriptor { descriptor }

  /// Sends a GET and reads the head of the answer.
  /// - Returns: its lines, the status line first; never empty.
  func get(_ target: String, of address: BrowserAddress, headers: [String] = []) throws(Failure) -> [String] {
    var lines = ["GET \(target) HTTP/1.1", "Host: \(address.hostHeader)"] + headers
    if let userInfo = address.userInfo {
      lines.append("Authorization: Basic \(Self.base64(userInfo))")
    }
    try send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    return try readHead()
  }

  private static func open(_ address: BrowserAddress, _ deadline: UInt64) throws(Failure) -> Descriptor {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let failure = getaddrinfo(address.host, String(address.port), &hints, &found)
    guard failure == 0 else { throw Failure(reason: String(cString: gai_strerror(failure))) }
    defer { freeaddrinfo(found) }
    var reason = ECONNREFUSED
    var next = found
    while let candidate = next?.pointee {
      let type = candidate.ai_socktype | O_NONBLOCK | O_CLOEXEC
      let opened = Descriptor(owning: socket(candidate.ai_family, type, candidate.ai_protocol))
      reason = opened.number < 0 ? errno : connect(opened.number, to: candidate, deadline)
      if reason == 0 { return opened }
      next = candidate.ai_next
    }
    throw Failure(reason: errorText(reason))
  }

  private func send(_ bytes: [UInt8]) throws(Failure) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 { sent += count } else { try wait(for: POLLOUT, unless: errno) }
    }
  }

  private func readHead() throws(Failure) -> [String] {
    var head: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1024)
    while head.count < Self.headLimit {
      let count = recv(descriptor.number, &chunk, chunk.count, 0)
      if count < 0 {
        try wait(for: POLLIN, unless: errno)
        continue
      }
      head += chunk[..<count]
      let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
      if let end = lines.dropLast().firstIndex(of: "") { return lines[..<end].map(String.init) }
      if count == 0 { throw Failure(reason: "it closed the connection without an answer") }
    }
    throw Failure(reason: "its answer is not HTTP")
  }

  private func wait(for event: Int32, unless error: Int32) throws(Failure) {
    if error == EINTR { return }
    guard error == EAGAIN else { throw Failure(reason: errorText(error)) }
    guard Self.wait(descriptor.number, event, deadline) else { throw Failure(reason: "no answer in time") }
  }

  private static func wait(_ descriptor: Int32, _ event: Int32, _ deadline: UInt64) -> Bool {
    let now = BootClock.now()
    guard now < deadline else { return false }
    var wait = pollfd(fd: descriptor, events: Int16(event), revents: 0)
    return poll(&wait, 1, Int32(clamping: (deadline - now) / 1_000_000 + 1)) != 0
  }

  private static func base64(_ text: String) -> String {
    var out: [UInt8] = []
    Array(text.utf8).withUnsafeBytes { Base64.append($0, to: &out) }
    return String(decoding: out, as: UTF8.self)
  }

  /// Answers 0 or an `errno`.
  private static func connect(_ descriptor: Int32, to address: addrinfo, _ deadline: UInt64) -> Int32 {
    if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return 0 }
    guard errno == EINPROGRESS else { return errno }
    guard wait(descriptor, POLLOUT, deadline) else { return ETIMEDOUT }
    var reason: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &reason, &length)
    return reason
  }
}

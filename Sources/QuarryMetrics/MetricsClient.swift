import Glibc

/// One connection: its head is read, its answer written, and what it still says is passed over until it hangs up.
/// Belongs to the server's thread.
final class MetricsClient {
  enum Phase { case reading, collecting(isHead: Bool), writing, parting, over }

  let descriptor: Int32
  /// On the monotonic clock, in nanoseconds: nobody is waited for longer.
  let deadline: UInt64
  private(set) var phase = Phase.reading
  private var input: [UInt8] = []
  private var output: [UInt8] = []
  private var written = 0

  init(_ descriptor: Int32, deadline: UInt64) {
    self.descriptor = descriptor
    self.deadline = deadline
  }

  deinit { close(descriptor) }

  /// What poll(2) should wait for.
  var interest: Int16 {
    switch phase {
    case .reading, .parting: Int16(POLLIN)
    case .writing: Int16(POLLOUT)
    case .collecting, .over: 0
    }
  }

  var isOver: Bool { if case .over = phase { true } else { false } }
  /// Waits for metrics that are being collected; whether it wants the head alone.
  var awaitsMetrics: Bool? { if case .collecting(let isHead) = phase { isHead } else { nil } }

  /// Goes on with what poll(2) has found.
  /// - Returns: a request that is whole now.
  func proceed(_ events: Int16) -> MetricsRequest? {
    if events & Int16(POLLERR | POLLNVAL) != 0 {
      phase = .over
      return nil
    }
    switch phase {
    case .reading: return read()
    case .writing: write()
    case .parting: passOver()
    case .collecting: if events & Int16(POLLHUP) != 0 { phase = .over }
    case .over: break
    }
    return nil
  }

  func collect(isHead: Bool) { phase = .collecting(isHead: isHead) }

  func answer(_ response: MetricsResponse) {
    output = response.bytes
    phase = .writing
    write()
  }

  private func read() -> MetricsRequest? {
    guard let count = receive(into: &input) else { return nil }
    if count == 0 { phase = .over }
    return count == 0 ? nil : MetricsRequest(head: input)
  }

  private func passOver() {
    var rest: [UInt8] = []
    if receive(into: &rest) == 0 { phase = .over }
  }

  /// - Returns: 0 at the end or after an error, nil when there is nothing now.
  private func receive(into bytes: inout [UInt8]) -> Int? {
    var piece = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &piece, piece.count, 0)
    if count < 0, errno == EAGAIN || errno == EINTR { return nil }
    bytes += piece[..<max(0, count)]
    return max(0, count)
  }

  private func write() {
    while written < output.count {
      let count = output.withUnsafeBytes { bytes in
        send(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        written += count
      } else if errno == EAGAIN {
        return
      } else if errno != EINTR {
        phase = .over
        return
      }
    }
    // Closing with something unread would take the answer back.
    shutdown(descriptor, Int32(SHUT_WR))
    phase = .parting
  }
}

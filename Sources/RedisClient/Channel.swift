import Glibc

/// A socket, with TLS over it where the address wants that. Belongs to the owner thread.
final class Channel {
  private let socket: Socket
  private let tls: TLSSession?
  /// Sealed bytes that the socket has not taken yet.
  private var sealed: [UInt8] = []
  private var sent = 0
  private var scratch: [UInt8]

  init(_ socket: consuming Socket, tls: TLSSession?) {
    self.socket = socket
    self.tls = tls
    scratch = [UInt8](repeating: 0, count: tls == nil ? 0 : 32768)
  }

  var descriptor: Int32 { socket.descriptor }

  /// What poll(2) should wait for.
  /// - Parameter hasOutput: whether there is something to write.
  func interest(hasOutput: Bool) -> Int16 {
    let mustWrite = tls == nil ? hasOutput : sent < sealed.count
    return Int16(mustWrite ? POLLIN | POLLOUT : POLLIN)
  }

  /// One step towards TLS; to be called again when the socket is ready for `interest`.
  /// - Returns: whether it is agreed. Always, where none is wanted.
  func shakeHands() throws(Socket.Failure) -> Bool {
    guard let tls else { return true }
    while true {
      let step = try step { () throws(Socket.Failure) in try tls.shakeHands() }
      switch step {
      case .done: return true
      case .ended: throw Socket.Failure(reason: "the server closed the connection during the TLS handshake")
      case .hungry:
        guard let count = try feed(tls) else { return false }
        guard count > 0 else {
          throw Socket.Failure(reason: "the server closed the connection during the TLS handshake")
        }
      }
    }
  }

  /// Bytes written, 0 when the socket takes none now.
  func write(_ bytes: UnsafeRawBufferPointer) -> Result<Int, Socket.Failure> {
    guard let tls else { return socket.write(bytes) }
    return Result { () throws(Socket.Failure) in try write(bytes, tls) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, _ tls: TLSSession) throws(Socket.Failure) -> Int {
    guard try send() else { return 0 }
    let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(1 << 18))
    let step = try step { () throws(Socket.Failure) in try tls.write(piece) }
    if case .done(let count) = step { return count }
    return 0
  }

  /// Sends what is sealed, as far as the socket takes it.
  /// - Returns: whether all of it is sent.
  func flush() -> Result<Bool, Socket.Failure> {
    tls == nil ? .success(true) : Result { () throws(Socket.Failure) in try send() }
  }

  private func send() throws(Socket.Failure) -> Bool {
    while sent < sealed.count {
      let count: Int
      switch sealed.withUnsafeBytes({ socket.write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }) {
      case .success(let number): count = number
      case .failure(let failure): throw farewell() ?? failure
      }
      guard count > 0 else { return false }
      sent += count
    }
    sealed.removeAll(keepingCapacity: sealed.capacity <= 1 << 20)
    sent = 0
    return true
  }

  /// Bytes read, nil when there are none now, 0 at the end. Fewer than the buffer holds: there are no more for now.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Result<Int?, Socket.Failure> {
    guard let tls else { return socket.read(into: buffer) }
    return Result { () throws(Socket.Failure) in try read(into: buffer, tls) }
  }

  private func read(
    into buffer: UnsafeMutableRawBufferPointer, _ tls: TLSSession
  ) throws(Socket.Failure) -> Int? {
    var count = 0
    while count < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
      let step = try step { () throws(Socket.Failure) in try tls.read(into: rest) }
      switch step {
      case .done(let more): count += more
      case .ended: return count
      case .hungry:
        guard let more = try feed(tls) else { return count == 0 ? nil : count }
        if more == 0 { return count }
      }
    }
    return count
  }

  /// Why the other side closed, if it said so: that arrives before the end and would be lost with the socket.
  private func farewell() -> Socket.Failure? {
    guard let tls else { return nil }
    // The socket's own end is no news here.
    while case .success(let count?) = Result(catching: { () throws(Socket.Failure) in try feed(tls) }), count > 0 {}
    while true {
      let read = scratch.withUnsafeMutableBytes { bytes in
        Result { () throws(Socket.Failure) in try tls.read(into: bytes) }
      }
      switch read {
      case .success(.done): continue
      case .success: return nil
      case .failure(let reason): return reason
      }
    }
  }

  /// Gives TLS what has arrived.
  /// - Returns: the number of bytes; nil when there are none now, 0 at the end of the stream.
  private func feed(_ tls: TLSSession) throws(Socket.Failure) -> Int? {
    let count = try scratch.withUnsafeMutableBytes { socket.read(into: $0) }.get()
    if let count, count > 0 { scratch.withUnsafeBytes { tls.take(UnsafeRawBufferPointer(rebasing: $0[..<count])) } }
    return count
  }

  /// What a step of TLS has to say leaves with it.
  private func step(
    _ body: () throws(Socket.Failure) -> TLSSession.Step
  ) throws(Socket.Failure) -> TLSSession.Step {
    let result: Result<TLSSession.Step, Socket.Failure>
    do throws(Socket.Failure) { result = .success(try body()) } catch { result = .failure(error) }
    if let tls { scratch.withUnsafeMutableBytes { tls.drain(into: &sealed, $0) } }
    guard case .success = result else {
      // The other side should hear why. That it does not listen is no news beside the failure itself.
      _ = flush()
      return try result.get()
    }
    _ = try send()
    return try result.get()
  }
}

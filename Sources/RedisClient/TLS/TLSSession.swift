import Glibc

/// One side of TLS, between bytes of the socket (sealed) and bytes of the program (plain). It touches no socket: what
/// has arrived is given to it, and what must leave is taken from it. Belongs to the owner thread.
final class TLSSession {
  private let library: OpenSSL
  private let session: OpaquePointer
  private let arrived: OpaquePointer
  private let leaving: OpaquePointer

  /// - Parameter host: of the address; a name or an IP address.
  /// - Throws: `Socket.Failure` for files that cannot be read, with their names.
  init(_ options: RedisTLS, host: String) throws(Socket.Failure) {
    library = try OpenSSL.loaded()
    library.clearErrors()
    let context = try TLSContext(library, options)
    guard let session = library.makeSession(context.pointer), let arrived = library.makeBuffer(library.memory()),
      let leaving = library.makeBuffer(library.memory())
    else { throw Socket.Failure(tls: "no TLS session can be made") }
    self.session = session
    self.arrived = arrived
    self.leaving = leaving
    library.setBuffers(session, arrived, leaving)
    library.beClient(session)
    try expect(options.serverName ?? host)
  }

  deinit { library.freeSession(session) }

  /// The certificate must be of this name, or of this address.
  private func expect(_ name: String) throws(Socket.Failure) {
    if library.expectAddress(library.expectations(session), name) == 1 { return }
    library.clearErrors()
    let isTaken = name.withCString { pointer in
      library.controlSession(
        session, OpenSSL.Number.setServerName, OpenSSL.Number.hostName, UnsafeMutableRawPointer(mutating: pointer)) == 1
        && library.expectHost(session, pointer) == 1
    }
    guard isTaken else { throw Socket.Failure(tls: "'\(name)' cannot be the name of a server") }
  }

  /// Takes sealed bytes that have arrived.
  func take(_ bytes: UnsafeRawBufferPointer) {
    _ = library.writeBuffer(arrived, bytes.baseAddress, Int32(clamping: bytes.count))
  }

  /// Moves sealed bytes that must leave to the end of `out`.
  func drain(into out: inout [UInt8], _ buffer: UnsafeMutableRawBufferPointer) {
    while case let count = library.readBuffer(leaving, buffer.baseAddress, Int32(clamping: buffer.count)), count > 0 {
      out.append(contentsOf: buffer.prefix(Int(count)))
    }
  }

  /// What a step came to.
  enum Step {
    /// Bytes that were read or written; 1 for a handshake that is done.
    case done(Int)
    /// More must arrive first.
    case hungry
    /// The other side has ended the session.
    case ended
  }

  func shakeHands() throws(Socket.Failure) -> Step { try step(library.shakeHands(session)) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Socket.Failure) -> Step {
    try step(library.read(session, buffer.baseAddress, Int32(clamping: buffer.count)))
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(Socket.Failure) -> Step {
    try step(library.write(session, bytes.baseAddress, Int32(clamping: bytes.count)))
  }

  private func step(_ result: Int32) throws(Socket.Failure) -> Step {
    if result > 0 { return .done(Int(result)) }
    switch library.outcome(session, result) {
    case OpenSSL.Number.wantsToRead: return .hungry
    case OpenSSL.Number.hasEnded: return .ended
    default: throw Socket.Failure(tls: reason())
    }
  }

  private func reason() -> String {
    let text = library.reason()
    let code = library.verification(session)
    guard code != 0, let verdict = library.describeVerification(code) else { return text ?? "it failed" }
    return "the server's certificate is not accepted: \(String(cString: verdict))"
  }
}

/// What a session is made from. Made anew for each, so that files which were replaced count from the next one on.
private final class TLSContext {
  let pointer: OpaquePointer
  private let library: OpenSSL

  init(_ library: OpenSSL, _ options: RedisTLS) throws(Socket.Failure) {
    guard let pointer = library.makeContext(library.clientMethod()) else {
      throw Socket.Failure(tls: "no TLS context can be made")
    }
    self.library = library
    self.pointer = pointer
    _ = library.controlContext(pointer, OpenSSL.Number.setMinimumVersion, OpenSSL.Number.tls12, nil)
    library.setVerify(pointer, OpenSSL.Number.verifyPeer, nil)
    // Nobody is there to be asked for the password of a key.
    library.setPasswordAsker(pointer) { _, _, _, _ in 0 }
    if let file = options.authorities {
      try check(library.trust(pointer, file, nil), "authorities", file)
    } else {
      _ = library.trustSystem(pointer)
    }
    if let file = options.certificate { try check(library.useCertificate(pointer, file), "certificate", file) }
    if let file = options.key { try check(library.useKey(pointer, file, OpenSSL.Number.pem), "key", file) }
  }

  deinit { library.freeContext(pointer) }

  private func check(_ result: Int32, _ what: String, _ file: String) throws(Socket.Failure) {
    guard result != 1 else { return }
    let reason = library.reason() ?? "it cannot be read"
    throw Socket.Failure(tls: "the \(what) in \(file) cannot be used: \(reason)")
  }
}

import Glibc

/// A connected, non-blocking stream socket; closed when it goes out of scope. It never reaches a child process.
struct Socket: ~Copyable {
  let descriptor: Int32

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The errno of a failed step, and what the step was.
  struct Failure: Error {
    let reason: String
    /// The socket is well, and TLS is not agreed: trying again does not help until somebody changes something.
    let isTLS: Bool

    init(_ step: String, _ number: Int32 = errno) {
      self.init(reason: "\(step): \(String(cString: strerror(number)))")
    }

    init(reason: String) {
      self.reason = reason
      isTLS = false
    }

    init(tls reason: String) {
      self.reason = "TLS: " + reason
      isTLS = true
    }
  }

  /// Begins to connect; the socket becomes writable when the attempt has ended, and `finish` tells how.
  init(_ target: Target) throws(Failure) {
    descriptor = socket(target.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw Failure("socket") }
    let result = target.address.withUnsafeBytes { bytes -> Int32 in
      guard let base = bytes.baseAddress else { return -1 }
      return connect(descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    guard result == 0 || errno == EINPROGRESS else { throw Failure("connect") }
  }

  func finish(isTCP: Bool) throws(Failure) {
    var number: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
    guard number == 0 else { throw Failure("connect", number) }
    if isTCP { tuneTCP() }
  }

  /// Small packets leave at once; a peer that vanished is noticed after about 30 s of silence.
  private func tuneTCP() {
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 15)
    set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 5)
    set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
  }

  private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Bytes written, 0 when the socket takes none now.
  func write(_ bytes: UnsafeRawBufferPointer) -> Result<Int, Failure> {
    let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    if count >= 0 { return .success(count) }
    return errno == EAGAIN || errno == EINTR ? .success(0) : .failure(Failure("write"))
  }

  /// Bytes read, nil when there are none now, 0 at the end of the stream.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Result<Int?, Failure> {
    let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
    if count >= 0 { return .success(count) }
    return errno == EAGAIN || errno == EINTR ? .success(nil) : .failure(Failure("read"))
  }
}

extension Socket {
  /// One address to try.
  struct Target: Sendable {
    let family: Int32
    /// A `sockaddr` of that family.
    let address: [UInt8]
  }

  static func unixTarget(_ path: String) throws(Failure) -> Target {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let limit = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < limit else {
      throw Failure(reason: "the socket's path is longer than \(limit - 1) bytes")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return Target(family: AF_UNIX, address: withUnsafeBytes(of: &address) { Array($0) })
  }

  /// The addresses of a server, in the order to try them.
  /// - Parameter isNumeric: true looks no name up and throws for one; false may block for long.
  static func targets(of server: RedisEndpoint.Server, isNumeric: Bool) throws(Failure) -> [Target] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = isNumeric ? AI_NUMERICHOST : 0
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(server.host, String(server.port), &hints, &list)
    guard status == 0 else { throw Failure(reason: "\(server.host): \(String(cString: gai_strerror(status)))") }
    defer { freeaddrinfo(list) }
    var targets: [Target] = []
    var entry = list?.pointee
    while let current = entry {
      let bytes = UnsafeRawBufferPointer(start: current.ai_addr, count: Int(current.ai_addrlen))
      targets.append(Target(family: current.ai_family, address: Array(bytes)))
      entry = current.ai_next?.pointee
    }
    return targets
  }
}

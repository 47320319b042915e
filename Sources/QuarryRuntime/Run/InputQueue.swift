import Glibc

/// Bytes on their way to the executor's input. Writing never waits: what the pipe does not take stays here.
struct InputQueue {
  /// Acknowledgements that an executor leaves unread beyond this are a fault of the executor, in bytes.
  static let limit = 4 << 20

  private var bytes: [UInt8]
  private var position = 0

  init(_ request: [UInt8]) { bytes = request }

  var isEmpty: Bool { position == bytes.count }
  var count: Int { bytes.count - position }

  mutating func append(_ more: [UInt8]) {
    if isEmpty {
      bytes = more
      position = 0
    } else {
      bytes += more
    }
  }

  /// Writes what the pipe takes.
  /// - Returns: false when nobody will ever read the rest.
  mutating func write(to descriptor: Int32) -> Bool {
    while !isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.map { $0 + position }, count) }
      if written < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN
      }
      position += written
    }
    bytes.removeAll(keepingCapacity: bytes.capacity < 1 << 16)
    position = 0
    return true
  }
}

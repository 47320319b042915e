import CZlib

/// Tells an index file that was changed or cut off from a whole one: CRC-32 (RFC 1952). Against accidents, not against people.
struct IndexChecksum {
  /// Bytes are added in blocks of about this size.
  static let blockSize = 64 << 10

  private(set) var value: UInt64 = 0

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
    value = UInt64(crc32(UInt(value), start, UInt32(bytes.count)))
  }
}

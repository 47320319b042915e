/// Tells an index file that was changed or cut off from a whole one. Against accidents, not against people.
struct IndexChecksum {
  /// Bytes are added in blocks of this size, the last one excepted.
  static let blockSize = 64 << 10

  private(set) var value: UInt64 = 0x9E37_79B9_7F4A_7C15

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var sum = value ^ UInt64(bytes.count)
    let words = bytes.count / 8
    for word in 0..<words { sum = Self.mix(sum, bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)) }
    for byte in bytes[(words * 8)...] { sum = Self.mix(sum, UInt64(byte)) }
    value = sum
  }

  private static func mix(_ sum: UInt64, _ word: UInt64) -> UInt64 {
    let product = (sum ^ word) &* 0xD6E8_FEB8_6659_FD93
    return product ^ product >> 32
  }
}

/// Standard base64 (RFC 4648, with padding).
package enum Base64 {
  package static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  /// Bytes that are encoded at a time, on the stack, before they are appended: a multiple of three.
  private static let blockLength = 6 * 1024

  package static func append(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
    withUnsafeTemporaryAllocation(byteCount: encodedCount(blockLength), alignment: 8) { block in
      pairs.withUnsafeBufferPointer { pairs in
        for start in stride(from: 0, to: bytes.count, by: blockLength) {
          let source = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + blockLength, bytes.count)])
          encode(source, into: block, pairs)
          out.append(contentsOf: block[..<encodedCount(source.count)])
        }
      }
    }
  }

  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The two digits of each value of 12 bits, the first one in the low byte.
  private static let pairs: [UInt16] = (0..<4096).map { UInt16(digits[$0 >> 6]) | UInt16(digits[$0 & 63]) << 8 }

  private static func encode(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, _ pairs: UnsafeBufferPointer<UInt16>
  ) {
    var read = 0
    var written = 0
    // Six bytes are eight digits; eight bytes are loaded for them.
    while read + 8 <= source.count {
      let word = UInt64(bigEndian: source.loadUnaligned(fromByteOffset: read, as: UInt64.self))
      let low = UInt64(pairs[Int(word >> 52)]) | UInt64(pairs[Int(word >> 40 & 0xFFF)]) << 16
      let high = UInt64(pairs[Int(word >> 28 & 0xFFF)]) | UInt64(pairs[Int(word >> 16 & 0xFFF)]) << 16
      target.storeBytes(of: (low | high << 32).littleEndian, toByteOffset: written, as: UInt64.self)
      read += 6
      written += 8
    }
    while read < source.count {
      encodeGroup(UnsafeRawBufferPointer(rebasing: source[read..<min(read + 3, source.count)]), target, written, pairs)
      read += 3
      written += 4
    }
  }

  /// One to three bytes, padded to four digits.
  private static func encodeGroup(
    _ bytes: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, _ written: Int,
    _ pairs: UnsafeBufferPointer<UInt16>
  ) {
    let second = bytes.count > 1 ? Int(bytes[1]) : 0
    let third = bytes.count > 2 ? Int(bytes[2]) : 0
    let group = Int(bytes[0]) << 16 | second << 8 | third
    let padding = UInt16(UInt8(ascii: "="))
    var last = pairs[group & 0xFFF]
    if bytes.count == 1 { last = padding | padding << 8 }
    if bytes.count == 2 { last = last & 0xFF | padding << 8 }
    target.storeBytes(of: pairs[group >> 12].littleEndian, toByteOffset: written, as: UInt16.self)
    target.storeBytes(of: last.littleEndian, toByteOffset: written + 2, as: UInt16.self)
  }
}

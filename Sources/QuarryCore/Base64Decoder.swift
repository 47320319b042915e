/// Reads standard base64 (RFC 4648, with padding).
package enum Base64Decoder {
  private static let none: UInt8 = 0xFF

  /// The value of each byte that is a digit.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: none, count: 256)
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()

  /// - Returns: nil for what is no base64.
  package static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
    guard text.count.isMultiple(of: 4) else { return nil }
    let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
    let count = text.count / 4 * 3 - padding
    var isClean = true
    let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { out, filled in
      values.withUnsafeBufferPointer { values in
        isClean = decode(text.dropLast(padding), values, into: out)
      }
      filled = isClean ? count : 0
    }
    return isClean ? bytes : nil
  }

  /// - Parameter digits: without padding.
  private static func decode(
    _ digits: Slice<UnsafeRawBufferPointer>, _ values: UnsafeBufferPointer<UInt8>,
    into out: UnsafeMutableBufferPointer<UInt8>
  ) -> Bool {
    var group: UInt32 = 0
    var written = 0
    // One bit that no digit has.
    var seen: UInt8 = 0
    for index in digits.indices {
      let value = values[Int(digits.base[index])]
      seen |= value
      group = group << 6 | UInt32(value & 63)
      guard index & 3 == 3 else { continue }
      out[written] = UInt8(truncatingIfNeeded: group >> 16)
      out[written + 1] = UInt8(truncatingIfNeeded: group >> 8)
      out[written + 2] = UInt8(truncatingIfNeeded: group)
      written += 3
    }
    let rest = digits.count & 3
    // As if zeros followed.
    let last = rest == 2 ? group << 12 : group << 6
    if rest >= 2 { out[written] = UInt8(truncatingIfNeeded: last >> 16) }
    if rest == 3 { out[written + 1] = UInt8(truncatingIfNeeded: last >> 8) }
    return seen & 0x80 == 0 && rest != 1
  }
}

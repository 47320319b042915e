/// Standard base64 (RFC 4648, with padding), written in place.
package enum Base64 {
  package static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  package static func append(_ bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
    let first = out.count
    out.append(contentsOf: repeatElement(UInt8(ascii: "="), count: encodedCount(bytes.count)))
    out.withUnsafeMutableBufferPointer { target in
      alphabet.withUTF8Buffer { digits in
        encode(bytes, into: UnsafeMutableBufferPointer(rebasing: target[first...]), digits)
      }
    }
  }

  private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

  /// Leaves the padding at the end of `target` as it is.
  private static func encode(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<UInt8>,
    _ digits: UnsafeBufferPointer<UInt8>
  ) {
    var index = 0
    var position = 0
    while index + 3 <= bytes.count {
      let group = Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
      target[position] = digits[group >> 18]
      target[position + 1] = digits[group >> 12 & 63]
      target[position + 2] = digits[group >> 6 & 63]
      target[position + 3] = digits[group & 63]
      index += 3
      position += 4
    }
    guard index < bytes.count else { return }
    let second = index + 1 < bytes.count ? Int(bytes[index + 1]) : nil
    let group = Int(bytes[index]) << 16 | (second ?? 0) << 8
    target[position] = digits[group >> 18]
    target[position + 1] = digits[group >> 12 & 63]
    if second != nil { target[position + 2] = digits[group >> 6 & 63] }
  }
}

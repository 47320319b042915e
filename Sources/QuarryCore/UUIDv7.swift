/// Time-ordered unique ids (RFC 9562, version 7): 48 bits of unix milliseconds, then 74 random bits.
package enum UUIDv7 {
  package static func make(
    milliseconds: UInt64 = Timestamp.now().milliseconds, using generator: inout some RandomNumberGenerator
  ) -> String {
    let high = (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | (generator.next() as UInt64) & 0x0FFF
    let low = (generator.next() as UInt64) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    let digits = Array((hex(high) + hex(low)).utf8)
    let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(decoding: digits[$0], as: UTF8.self) }
    return parts.joined(separator: "-")
  }

  package static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    return make(using: &generator)
  }

  /// The time that an id carries; nil for a text that is none.
  package static func milliseconds(of id: String) -> UInt64? {
    let digits = id.filter { $0 != "-" }
    guard id.utf8.count == 36, digits.utf8.count == 32 else { return nil }
    return UInt64(digits.prefix(12), radix: 16)
  }

  private static func hex(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
}

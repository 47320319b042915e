import Glibc

/// The timestamp extension of MessagePack: 4, 8 or 12 bytes.
enum WireTime {
  static let extensionType: Int8 = -1

  /// RFC 3339 in UTC; the fraction has as many digits as it needs.
  /// - Throws: `.undecodable` for another length, a nanosecond above 999,999,999 or a year outside 0 to 9999.
  static func text(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> String {
    let (seconds, nanoseconds) = try parse(bytes)
    var time = time_t(seconds)
    var parts = tm()
    guard nanoseconds < 1_000_000_000, gmtime_r(&time, &parts) != nil, (-1900...8099).contains(parts.tm_year) else {
      throw WireError(.undecodable, "a timestamp is out of range")
    }
    let date = "\(pad(Int(parts.tm_year) + 1900, 4))-\(pad(Int(parts.tm_mon) + 1, 2))-\(pad(Int(parts.tm_mday), 2))"
    let clock = "\(pad(Int(parts.tm_hour), 2)):\(pad(Int(parts.tm_min), 2)):\(pad(Int(parts.tm_sec), 2))"
    return "\(date)T\(clock)\(fraction(nanoseconds))Z"
  }

  private static func parse(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> (seconds: Int64, nanoseconds: UInt32)
  {
    func big<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as _: Number.Type) -> Number {
      Number(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
    switch bytes.count {
    case 4: return (Int64(big(0, as: UInt32.self)), 0)
    case 8:
      let packed = big(0, as: UInt64.self)
      return (Int64(packed & 0x3_FFFF_FFFF), UInt32(packed >> 34))
    case 12: return (big(4, as: Int64.self), big(0, as: UInt32.self))
    default: throw WireError(.undecodable, "a timestamp of \(bytes.count) bytes")
    }
  }

  private static func fraction(_ nanoseconds: UInt32) -> String {
    guard nanoseconds > 0 else { return "" }
    var digits = pad(Int(nanoseconds), 9)
    while digits.hasSuffix("0") { digits.removeLast() }
    return "." + digits
  }

  private static func pad(_ value: Int, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}

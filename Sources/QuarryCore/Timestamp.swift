import Glibc

/// A point in time: nanoseconds since the unix epoch, UTC.
package struct Timestamp: Sendable, Hashable, Comparable {
  package let nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Beyond the years 1678 and 2262 it stands still there: the number may be anybody's.
  package init(milliseconds: Int64) {
    let (product, overflows) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
    nanoseconds = overflows ? (milliseconds < 0 ? .min : .max) : product
  }

  /// As above.
  package init(seconds: Int64, nanoseconds rest: Int64 = 0) {
    let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isBeyond) = product.addingReportingOverflow(rest)
    nanoseconds = overflows || isBeyond ? (seconds < 0 ? .min : .max) : sum
  }

  /// Of any length.
  package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
    .nanoseconds(later.nanoseconds) - .nanoseconds(earlier.nanoseconds)
  }

  package static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
  }

  package static func < (left: Timestamp, right: Timestamp) -> Bool { left.nanoseconds < right.nanoseconds }

  package var milliseconds: UInt64 { UInt64(max(0, nanoseconds / 1_000_000)) }

  /// `YYYY-MM-DD` in UTC.
  package var day: String { String(text(fraction: 0).prefix(10)) }

  /// RFC 3339 in UTC with `Z`.
  /// - Parameter fraction: digits after the point, 0 to 9.
  package func text(fraction: Int = 3) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var rest = nanoseconds % 1_000_000_000
    if rest < 0 {
      seconds -= 1
      rest += 1_000_000_000
    }
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func pad(_ value: Int, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    var out = "\(pad(Int(parts.tm_year) + 1900, 4))-\(pad(Int(parts.tm_mon) + 1, 2))-\(pad(Int(parts.tm_mday), 2))"
    out += "T\(pad(Int(parts.tm_hour), 2)):\(pad(Int(parts.tm_min), 2)):\(pad(Int(parts.tm_sec), 2))"
    if fraction > 0 { out += "." + pad(Int(rest), 9).prefix(fraction) }
    return out + "Z"
  }

  /// Reads RFC 3339, with any fraction and any offset.
  /// - Returns: nil for what is no time of the calendar, and before the year 1678 or after 2262.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int? {
      guard range.upperBound <= bytes.count, bytes[range].allSatisfy(Self.isDigit) else { return nil }
      return Int(String(decoding: bytes[range], as: UTF8.self))
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19), hour < 24, minute < 60, second <= 60
    else { return nil }
    var parts = tm()
    parts.tm_year = Int32(year - 1900)
    parts.tm_mon = Int32(month - 1)
    parts.tm_mday = Int32(day)
    parts.tm_hour = Int32(hour)
    parts.tm_min = Int32(minute)
    // A leap second would come out as the next minute, and that may be of another day.
    parts.tm_sec = 0
    var position = 19
    var fraction: Int64 = 0
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      position += 1
      var unit: Int64 = 100_000_000
      while position < bytes.count, Self.isDigit(bytes[position]) {
        fraction += Int64(bytes[position] - UInt8(ascii: "0")) * unit
        unit /= 10
        position += 1
      }
    }
    var offset = 0
    switch position < bytes.count ? bytes[position] : 0 {
    case UInt8(ascii: "Z"): break
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard let hours = number(position + 1..<position + 3), let minutes = number(position + 4..<position + 6) else {
        return nil
      }
      offset = (hours * 60 + minutes) * 60 * (bytes[position] == UInt8(ascii: "-") ? -1 : 1)
    default: return nil
    }
    let seconds = Int64(timegm(&parts)) + Int64(second) - Int64(offset)
    // What is no day of its month was made one of the next.
    guard parts.tm_mon == Int32(month - 1), parts.tm_mday == Int32(day) else { return nil }
    let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isBeyond) = product.addingReportingOverflow(fraction)
    guard !overflows, !isBeyond else { return nil }
    nanoseconds = sum
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

import Glibc

/// A whole second, UTC, in the forms that AWS writes and reads.
package struct UTCTime: Sendable, Hashable, Comparable {
  /// Since the unix epoch.
  package let seconds: Int

  package init(seconds: Int) { self.seconds = seconds }

  /// Reads `2026-11-26T00:04:21Z`, with or without a fraction.
  package init?(iso text: String) {
    guard text.hasSuffix("Z"), text.utf8.count >= 20 else { return nil }
    let fields = text.prefix(19).split(whereSeparator: { "-T:".contains($0) }).map { Int($0) }
    self.init(fields)
  }

  /// Reads the `Date` header of HTTP: `Thu, 26 Nov 2026 00:04:21 GMT`.
  package init?(http text: String) {
    let fields = text.split(whereSeparator: { " :".contains($0) })
    guard fields.count == 8, fields[7] == "GMT", let month = Self.months.firstIndex(of: fields[2]) else { return nil }
    self.init([Int(fields[3]), month + 1, Int(fields[1])] + fields[4...6].map { Int($0) })
  }

  private static let months: [Substring] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// - Parameter fields: year, month, day, hour, minute, second.
  private init?(_ fields: [Int?]) {
    let numbers = fields.compactMap { $0.flatMap(Int32.init(exactly:)) }
    guard numbers.count == 6, (1...9_999).contains(numbers[0]), numbers.allSatisfy({ $0 >= 0 }) else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1_900, numbers[1] - 1, numbers[2])
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
    seconds = timegm(&parts)
  }

  /// `20261126T000421Z`.
  package var compact: String { "\(day)T\(pad(parts.tm_hour))\(pad(parts.tm_min))\(pad(parts.tm_sec))Z" }
  /// `20261126`.
  var day: String { "\(parts.tm_year + 1_900)\(pad(parts.tm_mon + 1))\(pad(parts.tm_mday))" }

  package static func < (left: UTCTime, right: UTCTime) -> Bool { left.seconds < right.seconds }

  private var parts: tm {
    var (time, parts) = (time_t(seconds), tm())
    gmtime_r(&time, &parts)
    return parts
  }

  private func pad(_ number: Int32) -> String { number < 10 ? "0\(number)" : String(number) }
}

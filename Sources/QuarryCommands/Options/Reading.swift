import QuarryCore

/// Readers of flag values; the parser puts the flag's name before their complaints.
enum Reading {
  /// More than zero.
  static func duration(_ text: String) throws -> Duration {
    guard let value = Duration(text: text) else {
      throw ValidationError("not a duration such as 500ms, 5s, 1m30s or 24h")
    }
    guard value > .zero else { throw ValidationError("a duration of more than nothing is needed") }
    return value
  }

  static func byteCount(_ text: String) throws -> Int {
    guard let value = ByteCount.parse(text) else {
      throw ValidationError("not a size such as 256MiB, 1g or 65536")
    }
    return value
  }

  /// `YYYY-MM-DD`.
  static func day(_ text: String) throws -> String {
    guard let midnight = Timestamp("\(text)T00:00:00Z"), midnight.day == text else {
      throw ValidationError("not a day such as 2026-11-24")
    }
    return text
  }

  /// A time, a day, or how long ago.
  static func past(_ text: String) throws -> Timestamp {
    if let ago = Duration(text: text), ago > .zero {
      let (nanoseconds, overflows) = ago.milliseconds.multipliedReportingOverflow(by: 1_000_000)
      return Timestamp(nanoseconds: overflows ? .min : Timestamp.now().nanoseconds - nanoseconds)
    }
    if let midnight = Timestamp("\(text)T00:00:00Z"), midnight.day == text { return midnight }
    guard let time = Timestamp(text) else {
      throw ValidationError("not a time such as 90m, 24h, 2026-11-24 or 2026-11-24T10:00:00Z")
    }
    return time
  }

  static func positive(_ text: String) throws -> Int { try number(text, minimum: 1) }

  static func natural(_ text: String) throws -> Int { try number(text, minimum: 0) }

  /// Runs at the same time, each with an executor of some 80 MiB and often a browser context.
  static func runsAtOnce(_ text: String) throws -> Int {
    guard let value = Int(text), runsAtOnceRange.contains(value) else {
      throw ValidationError(
        "not a whole number from \(runsAtOnceRange.lowerBound) to \(runsAtOnceRange.upperBound)")
    }
    return value
  }

  static let runsAtOnceRange = 1...256

  private static func number(_ text: String, minimum: Int) throws -> Int {
    guard let value = Int(text), value >= minimum else {
      throw ValidationError("not a whole number of at least \(minimum)")
    }
    return value
  }
}

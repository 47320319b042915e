extension Duration {
  /// Reads `500ms`, `5s`, `1m30s`, `24h`: numbers with units h, m, s, ms, largest first, each at most once; a century
  /// together at most, so that every clock can count it in nanoseconds.
  package init?(text: String) {
    var rest = Substring(text)
    var total: Int64 = 0
    var lastRank = Int.max
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let value = Int64(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let (rank, milliseconds) = Self.units[String(unit)], rank < lastRank else { return nil }
      lastRank = rank
      let (product, tooLarge) = value.multipliedReportingOverflow(by: milliseconds)
      let (sum, overflow) = total.addingReportingOverflow(product)
      guard !tooLarge, !overflow else { return nil }
      total = sum
    }
    guard total <= Self.longest else { return nil }
    self = .milliseconds(total)
  }

  /// A hundred years, in milliseconds.
  private static let longest: Int64 = 100 * 365 * 24 * 3_600_000

  private static let units: [String: (rank: Int, milliseconds: Int64)] = [
    "h": (3, 3_600_000), "m": (2, 60_000), "s": (1, 1_000), "ms": (0, 1),
  ]

  /// The form that `init(text:)` reads, in whole milliseconds: `1m30s`; `0ms` for nothing.
  package var text: String {
    var rest = milliseconds
    var text = ""
    for (unit, size) in Self.units.sorted(by: { $0.value.rank > $1.value.rank }).map({ ($0.key, $0.value.milliseconds) }
    )
    where rest >= size {
      text += "\(rest / size)\(unit)"
      rest %= size
    }
    return text.isEmpty ? "0ms" : text
  }

  /// Whole milliseconds, rounded towards zero.
  package var milliseconds: Int64 {
    components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
  }
}

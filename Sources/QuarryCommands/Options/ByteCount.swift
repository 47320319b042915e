/// Sizes as people write them.
package enum ByteCount {
  private static let units: [(suffix: String, shift: Int)] = [
    ("kib", 10), ("mib", 20), ("gib", 30), ("k", 10), ("m", 20), ("g", 30), ("b", 0),
  ]

  /// `4096`, `512k`, `256MiB`, `2G`; whole numbers, units of 1024. Nil for what is none, or nothing.
  package static func parse(_ text: String) -> Int? {
    let lowered = text.lowercased()
    let unit = units.first { lowered.hasSuffix($0.suffix) }
    guard let number = Int(lowered.dropLast(unit?.suffix.count ?? 0)), number > 0 else { return nil }
    let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: 1 << (unit?.shift ?? 0))
    return isTooLarge ? nil : bytes
  }

  /// `512MiB`; in bytes where it is not a whole number of MiB.
  package static func text(_ bytes: Int) -> String { bytes % (1 << 20) == 0 ? "\(bytes >> 20)MiB" : "\(bytes)" }
}

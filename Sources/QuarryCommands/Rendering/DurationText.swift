extension Duration {
  /// For people: `850ms`, `4.2s`, `3m05s`, `2h07m`.
  var shortText: String {
    let total = milliseconds
    func pad(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    switch total {
    case ..<1_000: return "\(max(0, total))ms"
    case ..<60_000: return "\(total / 1_000).\(total % 1_000 / 100)s"
    case ..<3_600_000: return "\(total / 60_000)m\(pad(total / 1_000 % 60))s"
    default: return "\(total / 3_600_000)h\(pad(total / 60_000 % 60))m"
    }
  }
}

extension Double {
  /// One digit after the point.
  var shortText: String {
    let tenths = Int((self * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10))"
  }
}

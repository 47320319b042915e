infix operator &+| : AdditionPrecedence

extension Int64 {
  /// Adds as far as the type reaches: what is counted may be anybody's number.
  package static func &+| (left: Int64, right: Int64) -> Int64 {
    let (sum, overflows) = left.addingReportingOverflow(right)
    return overflows ? (right < 0 ? .min : .max) : sum
  }
}

/// The id of a snapshot: unix nanoseconds in decimal. The greatest is the newest.
package struct SnapshotID: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let value: UInt64

  package init(_ value: UInt64) { self.value = value }

  /// What `latest` names before the first commit to a bucket: no snapshot. To others it is one whose manifest is not there.
  static let beforeAll = SnapshotID(0)

  /// - Returns: nil for anything but digits without a leading zero, which no path and no pointer of a dataset holds, and for
  ///   what is beyond all time.
  package init?(_ text: some StringProtocol) {
    guard let value = UInt64(text), value < UInt64(Int64.max), text.utf8.first != UInt8(ascii: "+"), text == "\(value)"
    else { return nil }
    self.value = value
  }

  package static func < (left: SnapshotID, right: SnapshotID) -> Bool { left.value < right.value }

  package var description: String { String(value) }
}

import QuarryCore

/// What is wrong with `latest`, where the newest snapshot was looked for.
enum PointerDamage: Equatable {
  /// It names a snapshot of which no manifest is there.
  case dangling(SnapshotID)
  /// It is no id, or on a disk `0` though there are snapshots.
  case unusable
  /// It names one that is older than the one which was committed last; on a disk.
  case old(SnapshotID, newest: SnapshotID)

  /// - Parameter pointer: the path of `latest`.
  func message(_ pointer: String) -> String {
    switch self {
    case .dangling(let id): "\(pointer) names snapshot \(id), which is not there; going on with the newest that is"
    case .unusable: "\(pointer) names no snapshot; going on with the newest that is there"
    case .old(let id, let newest):
      "\(pointer) names snapshot \(id), and \(newest) was committed after it, as if that file were an old one; "
        + "what followed \(id) is left out"
    }
  }

  /// The snapshot that a commit onto `head` would hide; nil where nothing is known to be lost.
  /// - Parameter last: the one that was committed last, as far as that is known.
  func lost(head: SnapshotID?, last: SnapshotID?) -> SnapshotID? {
    switch self {
    case .dangling(let id): id
    case .unusable: last == head && head != nil ? nil : last ?? .beforeAll
    case .old(_, let newest): newest
    }
  }
}

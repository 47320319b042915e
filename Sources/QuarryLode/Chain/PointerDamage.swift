import QuarryCore

/// What is wrong with `latest`, where the newest snapshot was looked for.
enum PointerDamage: Equatable {
  /// It names a snapshot of which no manifest is there.
  case dangling(SnapshotID)
  /// It is no id, or on a disk `0` though there are snapshots.
  case unusable
  /// It is not there, though it is known to have been.
  case missing
  /// It names one that is older than the one which was committed last.
  case old(SnapshotID, newest: SnapshotID)
  /// What was committed last has no manifest that can be read, and is not what it names.
  case gone(SnapshotID)

  func message(_ layout: DatasetLayout) -> String {
    let (pointer, repair) = (layout.pointer, "`quarry lode repair --yes\(layout.flags)`")
    return switch self {
    case .dangling(let id):
      "\(pointer) names snapshot \(id), which is not there; going on with the newest that is. Bring its manifests back from "
        + "a copy of the dataset, or go on without it: \(repair)"
    case .unusable:
      "\(pointer) names no snapshot; going on with the newest that is there; \(repair) puts it right"
    case .missing:
      "\(pointer) is not there; going on with the newest snapshot that is; \(repair) puts it back"
    case .old(let id, let newest):
      "\(pointer) names snapshot \(id), and \(newest) was committed after it, as if that file were an old one; going on "
        + "with \(newest); \(repair) puts it right"
    case .gone(let id):
      "snapshot \(id) was committed last, and no manifest of it can be read; going on with the newest that can. Bring its "
        + "manifests back from a copy of the dataset, or go on without it: \(repair)"
    }
  }
}

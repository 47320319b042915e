import Glibc
import QuarryCore
import QuarryLode

/// A store of which some names cannot be looked at, as for a user without the right to; and one with a time of its own.
struct LockedStore: DatasetStore {
  let store: DiskStore
  /// When folders are said to have been changed last; nil for when they were.
  var changed: Timestamp?
  /// What the time is there; nil for that of this machine.
  var time: Timestamp?
  var isLocked: @Sendable (String) -> Bool = { _ in false }

  var root: String { store.root }

  private func check(_ operation: String, _ path: String) throws(FileFailure) {
    if isLocked(path) { throw FileFailure(operation, path, EACCES) }
  }

  private func checkFolder(of file: String) throws(FileFailure) {
    if let folder = FileSystem.parent(of: file), isLocked(folder) { throw FileFailure("read", file, EACCES) }
  }

  func bytes(_ file: String) throws(FileFailure) -> [UInt8]? {
    try check("read", file)
    return try store.bytes(file)
  }

  func names(in folder: String) throws(FileFailure) -> [String] {
    try check("list", folder)
    return try store.names(in: folder)
  }

  func snapshots(in segments: String) throws(FileFailure) -> [SnapshotID] {
    try check("list", segments)
    return try store.snapshots(in: segments)
  }

  /// Whether a folder is there is seen in the one that it lies in.
  func exists(_ file: String) throws(FileFailure) -> Bool {
    try checkFolder(of: file)
    return try store.exists(file)
  }

  func hasFolder(_ folder: String) throws(FileFailure) -> Bool { try exists(folder) }

  func times(ofFolder folder: String) throws(FileFailure) -> FolderTimes? {
    try checkFolder(of: folder)
    guard let times = try store.times(ofFolder: folder) else { return nil }
    return FolderTimes(changed: changed ?? times.changed, made: times.made)
  }

  func now(in folder: String) throws(FileFailure) -> Timestamp { time ?? store.now(in: folder) }

  func size(of file: String) throws(FileFailure) -> Int64? {
    try checkFolder(of: file)
    return try store.size(of: file)
  }

  func open(_ file: String, first: Range<Int64>) throws(FileFailure) -> (any StoredFile)? {
    try check("read", file)
    return try store.open(file, first: first)
  }

  func leftovers(
    of layout: DatasetLayout, besides reachable: Reachable, _ body: (Leftover) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    try store.leftovers(of: layout, besides: reachable, body)
  }

  func modified(_ file: String) -> Timestamp? { store.modified(file) }
  func isOne(_ file: String, _ other: String) -> Bool { store.isOne(file, other) }
}

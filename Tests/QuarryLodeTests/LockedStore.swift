import Glibc
import QuarryCore
import QuarryLode

/// A store of which some names cannot be looked at, as for a user without the right to.
struct LockedStore: DatasetStore {
  let store: DiskStore
  let isLocked: @Sendable (String) -> Bool

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

import QuarryCore
import Synchronization

/// A store in which what cannot be read passes for what is not there, and is kept in mind: one damaged file or locked folder
/// hides nothing of the others. What has to do with the store as a whole is an error as ever.
struct ForgivingStore: DatasetStore {
  private let layout: DatasetLayout
  private let forgiven: ForgivenFailures

  private var store: any DatasetStore { layout.store }

  /// - Parameter layout: of the dataset, in the store as it is.
  init(_ layout: DatasetLayout, _ forgiven: ForgivenFailures) {
    self.layout = layout
    self.forgiven = forgiven
  }

  var root: String { store.root }

  func bytes(_ file: String) throws(FileFailure) -> [UInt8]? {
    try forgiving(nil) { () throws(FileFailure) in try store.bytes(file) }
  }

  func bytes(_ file: String, limit: Int) throws(FileFailure) -> [UInt8]? {
    try forgiving(nil) { () throws(FileFailure) in try store.bytes(file, limit: limit) }
  }

  func names(in folder: String) throws(FileFailure) -> [String] {
    try forgiving([]) { () throws(FileFailure) in try store.names(in: folder) }
  }

  func snapshots(in segments: String) throws(FileFailure) -> [SnapshotID] {
    try forgiving([]) { () throws(FileFailure) in try store.snapshots(in: segments) }
  }

  func snapshots(in segments: String, above id: SnapshotID) throws(FileFailure) -> [SnapshotID] {
    try forgiving([]) { () throws(FileFailure) in try store.snapshots(in: segments, above: id) }
  }

  func partitionManifests(below partitions: String) throws(FileFailure) -> [String]? {
    try forgiving([]) { () throws(FileFailure) in try store.partitionManifests(below: partitions) }
  }

  func exists(_ file: String) throws(FileFailure) -> Bool {
    try forgiving(false) { () throws(FileFailure) in try store.exists(file) }
  }

  func hasFolder(_ folder: String) throws(FileFailure) -> Bool {
    try forgiving(false) { () throws(FileFailure) in try store.hasFolder(folder) }
  }

  func times(ofFolder folder: String) throws(FileFailure) -> FolderTimes? {
    try forgiving(nil) { () throws(FileFailure) in try store.times(ofFolder: folder) }
  }

  func size(of file: String) throws(FileFailure) -> Int64? {
    try forgiving(nil) { () throws(FileFailure) in try store.size(of: file) }
  }

  func open(_ file: String, first: Range<Int64>) throws(FileFailure) -> (any StoredFile)? {
    try forgiving(nil) { () throws(FileFailure) in try store.open(file, first: first) }
  }

  func leftovers(
    of layout: DatasetLayout, besides reachable: Reachable, _ body: (Leftover) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    try store.leftovers(of: layout, besides: reachable, body)
  }

  func modified(_ file: String) throws(FileFailure) -> Timestamp? {
    try forgiving(nil) { () throws(FileFailure) in try store.modified(file) }
  }

  func now(in folder: String) throws(FileFailure) -> Timestamp { try store.now(in: folder) }

  func isOne(_ file: String, _ other: String) -> Bool { store.isOne(file, other) }

  func isOfOneFile(_ failure: FileFailure, asking other: String) -> Bool { store.isOfOneFile(failure, asking: other) }

  private func forgiving<Value>(
    _ instead: Value, _ work: () throws(FileFailure) -> Value
  ) throws(FileFailure) -> Value {
    do { return try work() } catch {
      guard layout.isOfOneFile(error) else { throw error }
      forgiven.add(error)
      return instead
    }
  }
}

/// Failures that a `ForgivingStore` passed over, each once, in their order.
final class ForgivenFailures: Sendable {
  private let failures = Mutex<(all: [FileFailure], paths: Set<String>)>(([], []))

  var all: [FileFailure] { failures.withLock { $0.all } }

  func has(_ path: String) -> Bool { failures.withLock { $0.paths.contains(path) } }

  func hasAny(below folder: String) -> Bool { failures.withLock { $0.all.contains { $0.path.hasPrefix(folder) } } }

  /// Of one place only the first.
  func add(_ failure: FileFailure) {
    failures.withLock { if $0.paths.insert(failure.path).inserted { $0.all.append(failure) } }
  }

  func messages(root: String) -> [String] { all.map { $0.described(root: root).message } }
}

import QuarryCore

/// Another store with one way of asking it: what lies there is whatever that one says.
protocol WrappingStore: DatasetStore {
  var store: any DatasetStore { get }

  /// Puts one question to the store.
  /// - Parameter instead: what the answer is where there is nothing.
  func ask<Value>(_ instead: Value, _ question: () throws(FileFailure) -> Value) throws(FileFailure) -> Value
}

extension WrappingStore {
  var root: String { store.root }

  var origin: String? { store.origin }

  func bytes(_ file: String) throws(FileFailure) -> [UInt8]? {
    try ask(nil) { () throws(FileFailure) in try store.bytes(file) }
  }

  func bytes(_ file: String, limit: Int) throws(FileFailure) -> [UInt8]? {
    try ask(nil) { () throws(FileFailure) in try store.bytes(file, limit: limit) }
  }

  /// Who glances has a way of their own with what fails.
  func glance(_ file: String, limit: Int) throws(FileFailure) -> [UInt8]? {
    try store.glance(file, limit: limit)
  }

  func names(in folder: String) throws(FileFailure) -> [String] {
    try ask([]) { () throws(FileFailure) in try store.names(in: folder) }
  }

  func snapshots(in segments: String) throws(FileFailure) -> [SnapshotID] {
    try ask([]) { () throws(FileFailure) in try store.snapshots(in: segments) }
  }

  func snapshots(in segments: String, above id: SnapshotID) throws(FileFailure) -> [SnapshotID] {
    try ask([]) { () throws(FileFailure) in try store.snapshots(in: segments, above: id) }
  }

  func partitionManifests(below partitions: String) throws(FileFailure) -> [String]? {
    try ask([]) { () throws(FileFailure) in try store.partitionManifests(below: partitions) }
  }

  func exists(_ file: String) throws(FileFailure) -> Bool {
    try ask(false) { () throws(FileFailure) in try store.exists(file) }
  }

  func hasFolder(_ folder: String) throws(FileFailure) -> Bool {
    try ask(false) { () throws(FileFailure) in try store.hasFolder(folder) }
  }

  func holdsAnything(_ folder: String) throws(FileFailure) -> Bool {
    try ask(false) { () throws(FileFailure) in try store.holdsAnything(folder) }
  }

  func times(ofFolder folder: String) throws(FileFailure) -> FolderTimes? {
    try ask(nil) { () throws(FileFailure) in try store.times(ofFolder: folder) }
  }

  func size(of file: String) throws(FileFailure) -> Int64? {
    try ask(nil) { () throws(FileFailure) in try store.size(of: file) }
  }

  func open(_ file: String, first: Range<Int64>) throws(FileFailure) -> (any StoredFile)? {
    try ask(nil) { () throws(FileFailure) in try store.open(file, first: first) }
  }

  func leftovers(
    of layout: DatasetLayout, besides reachable: Reachable, _ body: (Leftover) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    try store.leftovers(of: layout, besides: reachable, body)
  }

  func modified(_ file: String) throws(FileFailure) -> Timestamp? {
    try ask(nil) { () throws(FileFailure) in try store.modified(file) }
  }

  func now(in folder: String) throws(FileFailure) -> Timestamp { try store.now(in: folder) }

  func isOne(_ file: String, _ other: String) -> Bool { store.isOne(file, other) }

  func isOfOneFile(_ failure: FileFailure, asking other: String) -> Bool {
    store.isOfOneFile(failure, asking: other)
  }
}

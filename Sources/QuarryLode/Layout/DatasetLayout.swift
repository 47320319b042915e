import QuarryCore

/// Where everything of one dataset lies. Keys are relative to the storage root; paths are places of the store, named in
/// full.
package struct DatasetLayout: Sendable {
  package let store: any DatasetStore
  package let dataset: String
  package var indexing = RunIndexing()
  /// What leads a command to this dataset, so that a remedy may be typed as it stands; empty or with a space before it.
  package let flags: String

  package init(_ store: any DatasetStore, dataset: String, flags: String = "") {
    self.store = store
    self.dataset = dataset
    self.flags = flags
  }

  /// The same dataset, by another way to where it lies.
  func through(_ store: any DatasetStore) -> DatasetLayout {
    var layout = DatasetLayout(store, dataset: dataset, flags: flags)
    layout.indexing = indexing
    return layout
  }

  /// A dataset on disk.
  package init(root: String, dataset: String) { self.init(DiskStore(root: root), dataset: dataset) }

  package var root: String { store.root }
  package var key: String { "datasets/\(dataset)" }
  package var folder: String { path(of: key) }
  package var pointer: String { "\(folder)/latest" }
  package var lock: String { "\(folder)/latest.lock" }
  package var partitions: String { "\(folder)/partitions" }
  package var segments: String { "\(folder)/segments" }
  /// What only Quarry keeps: no manifest lies below it, so other readers pass it by.
  package var own: String { "\(folder)/.quarry" }
  var isOnDisk: Bool { root.utf8.first == UInt8(ascii: "/") }
  /// Where the index of runs lies, on this machine: beside a dataset on disk, else in the cache; nil where there is none.
  var runIndex: String? {
    if isOnDisk { return "\(own)/runs.index" }
    guard let cache = indexing.cache, let origin = store.origin else { return nil }
    let name = Array("\(origin)\n\(folder)".utf8).withUnsafeBytes { MD5.hex($0) }
    return "\(cache)/lode/\(name)/runs.index"
  }
  /// One file for each snapshot that is known to be lost from the chain (`LostSnapshots`); its name is the id.
  var lost: String { "\(own)/lost" }
  /// One file for each run that a person has removed; its name is the run's id, escaped as in its folder's.
  package var removed: String { "\(own)/removed" }
  /// How many of the newest snapshots are read to see that none is gone, where a query needs none of them.
  var chainReach: Int { isOnDisk ? 512 : 16 }
  /// How many of their copies in partitions are looked for then.
  var copyReach: Int { isOnDisk ? .max : 64 }
  /// One file for each run id that a person chose, while its run goes on.
  package var claims: String { "\(own)/claims" }

  package func path(of key: String) -> String { "\(root)/\(key)" }

  /// The key of a path below the root. Cut by bytes: a root may hold any character.
  package func key(of path: String) -> String { String(Substring(path.utf8.dropFirst(root.utf8.count + 1))) }

  /// Names that begin so are unfinished; every reader passes them by.
  package static let temporaryPrefix = ".lode-cas-"

  package func temporary(_ name: some CustomStringConvertible, in folder: String) -> String {
    "\(folder)/\(Self.temporaryPrefix)\(name)"
  }

  /// Where what lies in the place of a file is moved to.
  static func aside(_ file: String) -> String {
    "\(FileSystem.parent(of: file) ?? "")/\(temporaryPrefix)aside-\(UUIDv7.make())"
  }

  package func canonicalFolder(_ id: SnapshotID) -> String { "\(segments)/\(id)" }

  /// - Parameter partition: `source=…/…/event_type=…`, escaped.
  package func segmentFolder(_ id: SnapshotID, partition: String) -> String {
    "\(partitions)/\(partition)/segments/\(id)"
  }

  package func dataKey(_ id: SnapshotID, partition: String, compression: Compression = .none) -> String {
    "\(key)/partitions/\(partition)/segments/\(id)/data/data\(compression.fileEnding)"
  }

  /// The partition of one event type of a run.
  package static func partition(_ run: RunPartition, eventType: String) -> String {
    "\(run.path)/event_type=\(RunPartition.escape(eventType))"
  }

  /// The partition that a data file's key names; nil for a key of another shape.
  package func partition(ofDataKey dataKey: String) -> String? {
    let start = "\(key)/partitions/"
    guard dataKey.hasPrefix(start), let end = dataKey.range(ofLast: "/segments/") else { return nil }
    let from = dataKey.utf8.index(dataKey.startIndex, offsetBy: start.utf8.count)
    return from < end ? String(dataKey[from..<end]) : nil
  }

  /// The segment that a data file's key names: that of its snapshot, or of one that was to be before it.
  func segment(ofDataKey dataKey: String) -> SnapshotID? {
    let parts = dataKey.split(separator: "/", omittingEmptySubsequences: false).suffix(4)
    return parts.count == 4 && parts.first == "segments" ? SnapshotID(parts[parts.startIndex + 1]) : nil
  }
}

extension String {
  /// Where `needle` last begins.
  fileprivate func range(ofLast needle: StaticString) -> String.Index? {
    let bytes = utf8
    return needle.withUTF8Buffer { needle in
      var index = bytes.endIndex
      while index > bytes.startIndex {
        index = bytes.index(before: index)
        if bytes[index...].starts(with: needle) { return index }
      }
      return nil
    }
  }
}

import QuarryCore

/// Manifests of partitions that are gone. Readers find the records of a run by these alone, and without a word would leave
/// out what they were of. A whole day folder that is gone was removed by somebody who does without it.
struct MissingCopies {
  /// So many are named one by one.
  private static let most = 20
  /// A bucket is asked so many questions at a time.
  private static let width = 16

  private let layout: DatasetLayout
  /// How many are still looked for: each costs a stat, or a request.
  private var rest: Int
  private var named: [String] = []
  private var others = 0

  init(layout: DatasetLayout) {
    self.layout = layout
    rest = layout.copyReach
  }

  /// A sentence for each.
  var warnings: [String] {
    guard others > 0 else { return named }
    return named + [
      "\(others) more manifests of partitions are not there; `quarry lode verify\(layout.flags)` names them"
    ]
  }

  /// To be called with the newest first.
  mutating func look(for manifest: Manifest) throws(FileFailure) {
    let missing = try Self.missing(of: manifest, in: layout, most: rest)
    rest -= min(rest, manifest.files.count)
    for (path, partition) in missing {
      if named.count < Self.most {
        let isRepairable = try Self.hasData(manifest, in: partition, layout)
        let rest =
          isRepairable ? "`quarry lode repair --yes\(layout.flags)` puts it back" : "the records are gone as well"
        named.append("\(Self.message(path, manifest.id)); \(rest)")
      } else {
        others += 1
      }
    }
  }

  static func message(_ path: String, _ id: SnapshotID) -> String {
    "\(path) is not there, though snapshot \(id) has records in the partition"
  }

  /// - Parameter most: so many partitions are looked at.
  static func missing(
    of manifest: Manifest, in layout: DatasetLayout, most: Int = .max
  ) throws(FileFailure) -> [(path: String, partition: String)] {
    let partitions = Set(manifest.files.compactMap { layout.partition(ofDataKey: $0.path) }).sorted().prefix(most)
    let found = Concurrently.map(Array(partitions), width: layout.isOnDisk ? 1 : width) { partition in
      Result { () throws(FileFailure) in
        try isThere(copy(of: manifest.id, partition, layout), layout.store)
      }
    }
    var missing: [(path: String, partition: String)] = []
    for (partition, isThere) in zip(partitions, found) {
      guard try !isThere.get(), try !isOfRemovedDay(partition, layout) else { continue }
      missing.append((copy(of: manifest.id, partition, layout), partition))
    }
    return missing
  }

  /// Whether any of the data is left that the snapshot has in a partition.
  static func hasData(
    _ manifest: Manifest, in partition: String, _ layout: DatasetLayout
  ) throws(FileFailure) -> Bool {
    for file in manifest.files where layout.partition(ofDataKey: file.path) == partition {
      if try layout.store.exists(layout.path(of: file.path)) { return true }
    }
    return false
  }

  private static func copy(of id: SnapshotID, _ partition: String, _ layout: DatasetLayout) -> String {
    "\(layout.segmentFolder(id, partition: partition))/manifest.json"
  }

  private static func isOfRemovedDay(_ partition: String, _ layout: DatasetLayout) throws(FileFailure) -> Bool {
    guard let day = RunPath(partition)?.dayFolder else { return false }
    if try layout.store.hasFolder("\(layout.partitions)/\(day)") { return false }
    return try layout.store.hasFolder(layout.partitions)
  }

  /// True also of what may not be looked at: whoever comes to it says so.
  private static func isThere(_ path: String, _ store: any DatasetStore) throws(FileFailure) -> Bool {
    do { return try store.exists(path) } catch {
      guard error.isOfOneFile else { throw error }
      return true
    }
  }
}

import QuarryCore

/// Manifests of partitions that are gone. Readers find the records of a run by these alone, and without a word would leave
/// out what they were of. Of a dataset on disk, where it costs one stat for each. A whole day folder that is gone was removed
/// by somebody who does without it.
struct MissingCopies {
  /// So many are named one by one.
  private static let most = 20

  private var named: [String] = []
  private var others = 0

  /// A sentence for each.
  var warnings: [String] {
    others == 0
      ? named : named + ["\(others) more manifests of partitions are not there; quarry lode verify names them"]
  }

  mutating func look(for manifest: Manifest, in layout: DatasetLayout) throws(FileFailure) {
    guard layout.isOnDisk else { return }
    for partition in Set(manifest.files.compactMap { layout.partition(ofDataKey: $0.path) }).sorted() {
      let path = "\(layout.segmentFolder(manifest.id, partition: partition))/manifest.json"
      guard try !isThere(path, layout.store), try !isOfRemovedDay(partition, layout) else { continue }
      if named.count < Self.most {
        named.append(Self.message(path, manifest.id))
      } else {
        others += 1
      }
    }
  }

  static func message(_ path: String, _ id: SnapshotID) -> String {
    "\(path) is not there, though snapshot \(id) has records in the partition"
  }

  private func isOfRemovedDay(_ partition: String, _ layout: DatasetLayout) throws(FileFailure) -> Bool {
    guard let day = RunPath(partition)?.dayFolder else { return false }
    if try layout.store.hasFolder("\(layout.partitions)/\(day)") { return false }
    return try layout.store.hasFolder(layout.partitions)
  }

  /// True also of what may not be looked at: whoever comes to it says so.
  private func isThere(_ path: String, _ store: any DatasetStore) throws(FileFailure) -> Bool {
    do { return try store.exists(path) } catch {
      guard error.isOfOneFile else { throw error }
      return true
    }
  }
}

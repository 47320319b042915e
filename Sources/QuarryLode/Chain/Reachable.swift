import QuarryCore

/// The snapshots of a chain and the files that they name. Sixteen bytes for each.
package struct Reachable: Sendable {
  /// Newest first, as a chain is walked.
  private(set) var ids: [SnapshotID] = []
  /// Hashes of keys: should two ever be the same, a leftover passes for one that is named, and nothing is lost.
  private var keys: Set<Int> = []

  /// - Parameter manifest: the one before that which was added last.
  /// - Returns: its files that one of those names as well.
  @discardableResult
  mutating func add(_ manifest: Manifest) -> [Manifest.File] {
    ids.append(manifest.id)
    for file in manifest.sidecarFiles {
      keys.insert(file.path.hashValue)
      keys.insert(Self.meta(of: file).hashValue)
    }
    return manifest.files.filter { !keys.insert($0.path.hashValue).inserted }
  }

  /// Adds what was committed after the newest.
  mutating func add(newer: Reachable) {
    ids = newer.ids + ids
    keys.formUnion(newer.keys)
  }

  /// The place of a snapshot in `ids`; nil for one that does not count.
  func place(of id: SnapshotID) -> Int? {
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] == id { return middle }
      if ids[middle] > id { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// - Parameter key: from the storage root.
  func names(_ key: String) -> Bool { keys.contains(key.hashValue) }

  static func meta(of file: SidecarFile) -> String { "\(file.path).meta.json" }
}

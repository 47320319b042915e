import QuarryCore

/// Removes the manifests of commits that never reached the pointer. Only used under the lock.
struct Leftovers: Sendable {
  /// How far back the chain is followed to see whether an old intent was fulfilled; beyond it nothing is removed.
  private static let longestWalk = 10_000

  let layout: DatasetLayout
  let files: FileSystem

  /// Looks at what the last writer intended, and removes what it left off the chain.
  /// - Parameters:
  ///   - pointer: what `latest` names.
  ///   - head: the newest snapshot; another than the pointer's where `latest` is missing or dangling. A commit that
  ///     became the head so, without a pointer, stays.
  func clear(lock: PointerLock, pointer: SnapshotID?, head: SnapshotID?) throws(FileFailure) {
    let bytes = try FileReading.bytes(of: lock.lockFile, path: lock.path)
    guard let intent = CommitIntent(bytes), let newest = intent.newest, newest != pointer else { return }
    removeTemporaries(of: intent.ids)
    guard let head else { return remove(intent.entries) }
    if newest > head { return remove(intent.entries.filter { $0.id > head }) }
    if try !isOnChain(newest) { remove(intent.entries) }
  }

  /// Removes manifests and temporary files of the entries, and folders that are empty then.
  func remove(_ entries: [CommitIntent.Entry]) {
    for entry in entries where !entry.partition.isEmpty {
      let folder = layout.segmentFolder(entry.id, partition: entry.partition)
      files.remove("\(folder)/manifest.json")
      files.remove(layout.temporary("manifest", in: folder))
      files.removeFolder(folder)
    }
    let ids = Set(entries.map(\.id))
    removeTemporaries(of: ids.sorted())
    for id in ids {
      let folder = layout.canonicalFolder(id)
      files.remove("\(folder)/manifest.json")
      files.removeFolder(folder)
    }
  }

  private func removeTemporaries(of ids: [SnapshotID]) {
    for id in ids {
      files.remove(layout.temporary("latest-\(id)", in: layout.folder))
      files.remove(layout.temporary(id, in: layout.folder))
    }
  }

  /// True also when it cannot be told.
  private func isOnChain(_ id: SnapshotID) throws(FileFailure) -> Bool {
    var chain = ChainReader(layout: layout)
    var current = try chain.head()
    for _ in 0..<Self.longestWalk {
      guard let manifest = current, chain.warnings.isEmpty else { return true }
      if manifest.id <= id { return manifest.id == id }
      current = try chain.parent(of: manifest)
      if current == nil { return false }
    }
    return true
  }
}

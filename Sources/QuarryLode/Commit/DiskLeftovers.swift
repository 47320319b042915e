import QuarryCore

/// Removes the manifests of commits that never reached the pointer. Only used under the lock.
struct DiskLeftovers: Sendable {
  let layout: DatasetLayout
  let files: FileSystem

  /// Looks at what the last writer intended, and removes what it left off the chain.
  /// - Parameters:
  ///   - pointer: what `latest` names.
  ///   - head: the newest snapshot; another than the pointer's where `latest` is missing or dangling. A commit that
  ///     became the head so, without a pointer, stays.
  func clear(lock: PointerLock, pointer: SnapshotID?, head: SnapshotID?) throws(FileFailure) {
    let bytes = try FileReading.bytes(of: lock.lockFile, path: lock.path)
    guard let intent = CommitIntent(bytes), intent.newest != nil, intent.newest != pointer else { return }
    removeTemporaries(of: intent.ids)
    remove(try intent.abandoned(head: head, in: layout))
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
}

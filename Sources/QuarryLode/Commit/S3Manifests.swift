import QuarryCore
import S3Client

/// Writes and removes the manifests of one commit in a bucket, several at once: another writer may come first as long as
/// they are not all there.
struct S3Manifests: Sendable {
  let layout: DatasetLayout
  let store: S3Store

  /// - Returns: false when a name is taken.
  func writePartitions(of snapshots: [CommitPlanner.Numbered]) throws(FileFailure) -> Bool {
    var files: [File] = []
    for snapshot in snapshots {
      let bytes = snapshot.manifest.encoded
      for partition in snapshot.plan.partitions(layout) {
        files.append(File(path: path(snapshot.id, partition), bytes: bytes))
      }
    }
    return try write(files)
  }

  /// After those of the partitions, so that a canonical manifest says that all of its snapshot is there.
  /// - Returns: false when a name is taken.
  func writeCanonical(of snapshots: [CommitPlanner.Numbered]) throws(FileFailure) -> Bool {
    try write(snapshots.map { File(path: path($0.id, ""), bytes: $0.manifest.encoded) })
  }

  /// Those of another, which has ended.
  func clear(_ entries: [CommitIntent.Entry]) throws(FileFailure) {
    if !entries.isEmpty { try store.remove(entries.map { path($0.id, $0.partition) }) }
  }

  /// Those of a commit that its own writer takes back, and what another has noted of it meanwhile: it is none that is lost. As
  /// far as it can: what stays is found as a leftover.
  /// - Returns: whether all are gone.
  func remove(_ intent: CommitIntent) -> Bool {
    store.discard(
      intent.entries.map { path($0.id, $0.partition) } + intent.ids.map { LostSnapshots.path(of: $0, in: layout) })
  }

  private func path(_ id: SnapshotID, _ partition: String) -> String {
    let folder = partition.isEmpty ? layout.canonicalFolder(id) : layout.segmentFolder(id, partition: partition)
    return "\(folder)/manifest.json"
  }

  private struct File: Sendable {
    let path: String
    let bytes: [UInt8]
  }

  private func write(_ files: [File]) throws(FileFailure) -> Bool {
    let results = layout.concurrently(files) { [store] file throws(FileFailure) in
      try store.swap(file.path, file.bytes, was: nil) != nil
    }
    var areNew = true
    for result in results { areNew = try result.get() && areNew }
    return areNew
  }
}

import QuarryCore

/// The snapshots of one move of the pointer in a bucket.
struct S3Commit: Sendable {
  let snapshots: [CommitPlanner.Numbered]
  let intent: CommitIntent
  let newest: CommitPlanner.Head
  /// What it follows, which was committed before.
  var parent: SnapshotID? { snapshots.first?.manifest.parent }
  /// Another's manifests that are to be gone before the pointer moves. As long as they may be there they are announced
  /// too: whoever comes after this writer would not know of them.
  var leftovers: [CommitIntent.Entry]

  init(_ snapshots: [CommitPlanner.Numbered], leftovers: [CommitIntent.Entry], in layout: DatasetLayout) {
    self.snapshots = snapshots
    self.leftovers = leftovers
    intent = CommitIntent(snapshots.map { ($0.id, $0.plan.partitions(layout)) })
    newest = snapshots.last?.head ?? CommitPlanner.Head(id: SnapshotID(0), createdAt: Timestamp(nanoseconds: 0))
  }
}

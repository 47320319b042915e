import QuarryCore

/// What `latest.lock` says of commits to a dataset.
struct CommitEvidence {
  /// The newest snapshot that was committed for sure; nil where nobody knows, or none was. In a bucket that before the last
  /// announcement.
  private(set) var last: SnapshotID?
  /// None was before the last announcement, which is that of the first commit then. Said in a bucket alone.
  private(set) var isFirst = false
  /// What a writer is about to publish, or was when it died.
  private(set) var intended: Set<SnapshotID> = []

  /// Of one that cannot be read, as of one that another writer left alone, nothing follows.
  init(_ layout: DatasetLayout) throws(FileFailure) {
    let bytes: [UInt8]?
    do throws(FileFailure) { bytes = try layout.store.bytes(layout.lock) } catch {
      guard error.isOfOneFile else { throw error }
      bytes = nil
    }
    guard let bytes else { return }
    last = CommitIntent.base(bytes)?.id
    if last == .beforeAll { (last, isFirst) = (nil, true) }
    intended = Set(CommitIntent(bytes)?.ids ?? [])
  }

  /// Of a dataset that was not asked about yet.
  init() {}
}

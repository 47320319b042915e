import QuarryCore

/// What `latest.lock` says of commits to a dataset.
struct CommitEvidence {
  /// What the announced commit is to follow.
  private(set) var base: CommitIntent.Base?
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
      guard error.isLocal else { throw error }
      bytes = nil
    }
    self.init(bytes.flatMap { CommitIntent($0) } ?? CommitIntent(), after: bytes.flatMap { CommitIntent.base($0) })
  }

  init(_ intent: CommitIntent, after base: CommitIntent.Base?) {
    self.base = base
    isFirst = base?.id == .beforeAll
    last = isFirst ? nil : base?.id
    intended = Set(intent.ids)
  }

  /// Of a dataset that was not asked about yet.
  init() {}

  /// Whether a commit that was announced in a bucket may still become the newest, by its writer's hand or another's: `latest`
  /// is as it was when that was announced. A fence makes it longer.
  func isOpen(_ pointer: [UInt8]) -> Bool {
    guard let newest = intended.max(), let base, let length = base.length, newest > base.id else { return false }
    return ChainReader.pointer(pointer) == base.id && pointer.count <= length
  }
}

import QuarryCore
import S3Client

/// Whose turn it is to move the pointer of a dataset in a bucket: `latest.lock` holds what the last writer announced.
///
/// An announcement is over when the pointer names its snapshot, or a later one, or when it was withdrawn. Its writer may
/// have died instead: one that stays as it is for the length of the lease is taken over. That a turn is somebody's
/// keeps others from writing manifests in vain and tells the next what a crash left; that history stays linear does not
/// rest on it, but on the condition under which the pointer moves.
struct S3Turn: Sendable {
  /// What `latest` says.
  struct Pointer: Sendable {
    /// Nil for what is no id.
    let id: SnapshotID?
    let raw: [UInt8]
    let etag: String

    init(id: SnapshotID?, raw: [UInt8], etag: String) { (self.id, self.raw, self.etag) = (id, raw, etag) }

    init(_ object: S3Object) {
      self.init(id: ChainReader.pointer(object.bytes), raw: object.bytes, etag: object.info.etag)
    }
  }

  /// Of `latest.lock`; nil where there is none.
  var etag: String?
  /// What stands in it.
  var intent: CommitIntent
  /// What that is to follow.
  var base: CommitIntent.Base?
  /// Nil where there is none.
  var pointer: Pointer?
  /// This writer has just made the pointer, to nothing, after it had found no snapshot.
  var begins = false
  /// Of the announced commit, what was noted as lost, and is no leftover.
  var lost: Set<SnapshotID> = []

  /// Another's announcement that is not over.
  var isTaken: Bool {
    guard let newest = intent.newest else { return false }
    return pointer?.id.map { newest > $0 } ?? true
  }

  /// What stands in `latest.lock`.
  var evidence: CommitEvidence { CommitEvidence(intent, after: base) }

  /// See `CommitEvidence.isOpen`.
  var isOpen: Bool { pointer.map { evidence.isOpen($0.raw) } ?? false }

  /// How far ahead of this machine's clock another's may be: a day.
  private static let longestLead: Int64 = 86_400_000_000_000

  /// The newest id that was announced. One that is far ahead of the present is nobody's clock's, and would put all later
  /// ones above it for years; where the pointer itself is, that has happened.
  func newestBelieved(at now: Timestamp) -> SnapshotID? {
    let limit = SnapshotID(UInt64(clamping: now.nanoseconds + Self.longestLead))
    guard let newest = intent.newest, newest <= limit || pointer?.id.map({ $0 > limit }) == true else { return nil }
    return newest
  }

  /// Looks at the lock first: a pointer that was read before it could be older than the announcement.
  static func look(_ layout: DatasetLayout, _ store: S3Store) throws(FileFailure) -> S3Turn {
    let lock = try store.object(layout.lock)
    let pointer = try store.object(layout.pointer)
    return S3Turn(
      etag: lock?.info.etag, intent: lock.flatMap { CommitIntent($0.bytes) } ?? CommitIntent(),
      base: lock.flatMap { CommitIntent.base($0.bytes) }, pointer: pointer.map { Pointer($0) })
  }

  /// Announces a commit, or withdraws it where there is nothing in it.
  /// - Parameters:
  ///   - parent: the newest snapshot that was committed before; nil where none was.
  ///   - fences: a fence is to be put before anything of it is written.
  /// - Returns: false when another was first.
  mutating func announce(
    _ next: CommitIntent, after parent: SnapshotID?, fences: Bool = false, _ layout: DatasetLayout, _ store: S3Store
  ) throws(FileFailure) -> Bool {
    let base = CommitIntent.Base(id: parent ?? .beforeAll, length: (pointer?.raw.count ?? 0) + (fences ? 1 : 0))
    // Never the same twice, so that a renewed one is told from one that stays as it was.
    let text = next.encoded(after: base.id, length: base.length) + Array("by \(UUIDv7.make())\n".utf8)
    guard let etag = try store.swap(layout.lock, text, was: etag) else { return false }
    (self.etag, intent, self.base) = (etag, next, base)
    return true
  }
}

extension S3Store {
  func object(_ place: String) throws(FileFailure) -> S3Object? {
    try found({ () throws(S3Error) in try client.get(key(place)) }, at: place)
  }

  /// Replaces an object that is as it was, or makes one that was not there.
  /// - Parameters:
  ///   - was: its ETag; nil when there was none.
  ///   - looks: the store's word that it is another is not enough: a proxy may have sent this write twice.
  /// - Returns: its new ETag; nil when it is another by now. Where an answer was lost, it may have been this one in between.
  func swap(_ place: String, _ bytes: [UInt8], was: String?, looks: Bool = false) throws(FileFailure) -> String? {
    do throws(S3Error) {
      let condition = condition(was.map(S3Condition.matches) ?? .absent)
      return try client.put(key(place), bytes, if: condition, looks: looks)
    } catch {
      switch error.kind {
      case .conditionFailed: return nil
      case .uncertain: return try settle(place, bytes, was: was, error)
      default: throw FileFailure(error, place)
      }
    }
  }

  /// After an answer was lost: what is there now says who was first.
  /// - Throws: `error` when nobody was, so that the write may still come.
  private func settle(
    _ place: String, _ bytes: [UInt8], was: String?, _ error: S3Error
  ) throws(FileFailure) -> String? {
    let found = try object(place)
    if let found, found.bytes == bytes { return found.info.etag }
    guard found?.info.etag != was else { throw FileFailure(error, place) }
    return nil
  }
}

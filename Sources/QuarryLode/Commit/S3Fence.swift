import QuarryCore
import S3Client

/// Keeps a write of the pointer from coming late: the same id is put there with a newline more behind it, which readers
/// trim, so that the pointer is another object and no condition on the old one holds. So that there is one for the first
/// commit too, a pointer to no snapshot comes before it.
struct S3Fence {
  private let layout: DatasetLayout
  private let store: S3Store

  init(_ layout: DatasetLayout, _ store: S3Store) {
    self.layout = layout
    self.store = store
  }

  /// Makes a pointer to what its readers take for the newest, where there is none, and carries out what was announced and is
  /// there as a whole. Its writer may have moved the pointer to it, been told so and died, and another may have spoiled the
  /// pointer since, or put an old one back: nobody can tell that from one that died just before, so it counts. Where
  /// something that it names is gone it is noted as lost, for the same reason.
  /// - Returns: false when another was first.
  func begin(_ turn: inout S3Turn) throws(FileFailure) -> Bool {
    guard turn.pointer == nil || turn.isTaken else { return true }
    var chain = ChainReader(layout: layout)
    var newest: SnapshotID?
    let announced = try AnnouncedCommit(turn.evidence, isOpen: turn.isOpen, &chain)
    if let announced, announced.missing.isEmpty {
      newest = announced.newest
    } else {
      turn.lost = Set(announced?.snapshots.map(\.id) ?? [])
      for id in turn.lost { try LostSnapshots.note(id, in: layout, store: store) }
      newest = try chain.head()?.id
      if turn.pointer != nil {
        guard newest != nil, newest == turn.intent.newest, try chain.base(ofAnnounced: Set(turn.intent.ids)) != nil
        else {
          return true
        }
      }
      if case .dangling(let lost)? = chain.damage { try LostSnapshots.note(lost, in: layout, store: store) }
    }
    let raw = Array((newest ?? .beforeAll).description.utf8)
    guard let etag = try store.swap(layout.pointer, raw, was: turn.pointer?.etag) else { return false }
    turn.pointer = S3Turn.Pointer(id: newest ?? .beforeAll, raw: raw, etag: etag)
    turn.begins = newest == nil
    return true
  }

  /// Whether a commit that was announced with one pointer may still be carried out with another.
  private func isUndecided(_ now: S3Turn.Pointer?, _ before: S3Turn.Pointer?) -> Bool {
    guard now?.etag != before?.etag else { return true }
    guard let now, let before, now.id != nil else { return false }
    return now.id == before.id && now.raw.count <= before.raw.count
  }

  /// Against the writer that is taken for dead.
  /// - Returns: false when it was alive, and its pointer has come.
  func put(before turn: inout S3Turn) throws(FileFailure) -> Bool {
    guard let pointer = turn.pointer else { return true }
    let raw = pointer.raw + [UInt8(ascii: "\n")]
    guard let etag = try store.swap(layout.pointer, raw, was: pointer.etag) else { return false }
    turn.pointer = S3Turn.Pointer(id: pointer.id, raw: raw, etag: etag)
    return true
  }

  /// Whether a pointer was moved after all, by its writer or by another for it, or somebody has put his own on top of it. When
  /// the answer is no, it is no for ever: as long as the pointer is as it was, a fence comes first. A repair may have put the
  /// snapshot back under another id, which names its data.
  /// - Parameters:
  ///   - turn: what the pointer was before.
  ///   - isNamed: what is the newest only because the pointer names nothing does not count.
  func isPublished(_ id: SnapshotID, from turn: S3Turn, isNamed: Bool = false) throws(FileFailure) -> Bool {
    let before = turn.pointer
    var turn = turn
    while let now = try store.object(layout.pointer).map({ S3Turn.Pointer($0) }), isUndecided(now, before) {
      turn.pointer = now
      if try put(before: &turn), !isUndecided(turn.pointer, before) { return false }
    }
    var chain = ChainReader(layout: layout)
    let head = try chain.head()
    if isNamed { guard chain.damage == nil, try chain.pointer() != nil else { return false } }
    var isThere = false
    _ = try chain.walk(from: head, downTo: SnapshotID(id.value - 1)) { isThere = isThere || $0.order == id }
    return isThere
  }
}

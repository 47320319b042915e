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

  /// Makes a pointer to what its readers take for the newest: where there is none, and where what is there is an old one or
  /// names nothing, and the newest is an announced commit that is there as a whole. Its writer may have moved the pointer to
  /// it and died, and another may have spoiled the pointer since: nobody can tell that from one that died just before, so it
  /// counts.
  /// - Returns: false when another was first.
  func begin(_ turn: inout S3Turn) throws(FileFailure) -> Bool {
    guard turn.pointer == nil || turn.isTaken else { return true }
    var chain = ChainReader(layout: layout)
    let head = try chain.head()
    if turn.pointer != nil {
      let isAnnounced = head.map { $0.id == turn.intent.newest } ?? false
      guard isAnnounced, try chain.base(ofAnnounced: Set(turn.intent.ids)) != nil else { return true }
    }
    if case .dangling(let lost)? = chain.damage { try LostSnapshots.note(lost, in: layout, store: store) }
    let newest = head?.id ?? .beforeAll
    let raw = Array(newest.description.utf8)
    guard let etag = try store.swap(layout.pointer, raw, was: turn.pointer?.etag) else { return false }
    turn.pointer = S3Turn.Pointer(id: newest, raw: raw, etag: etag)
    turn.begins = head == nil
    return true
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

  /// Whether a pointer was moved after all, or another has put its own on top of it. When the answer is no, it is no for
  /// ever.
  /// - Parameters:
  ///   - turn: what the pointer was before.
  ///   - mayComeLate: its write may be under way still.
  func isPublished(_ id: SnapshotID, from turn: S3Turn, mayComeLate: Bool) throws(FileFailure) -> Bool {
    var turn = turn
    while try store.object(layout.pointer)?.info.etag == turn.pointer?.etag {
      guard mayComeLate else { return false }
      if try put(before: &turn) { return false }
    }
    return try isOnChain(id)
  }

  /// Whether the pointer names a snapshot, or one that follows it. What is the newest only because the pointer names
  /// nothing is not named.
  func isNamed(_ id: SnapshotID) throws(FileFailure) -> Bool {
    var chain = ChainReader(layout: layout)
    let head = try chain.head()
    guard chain.damage == nil, try chain.pointer() != nil else { return false }
    return try isOnChain(id, from: head, &chain)
  }

  private func isOnChain(_ id: SnapshotID) throws(FileFailure) -> Bool {
    var chain = ChainReader(layout: layout)
    let head = try chain.head()
    return try isOnChain(id, from: head, &chain)
  }

  private func isOnChain(
    _ id: SnapshotID, from head: Manifest?, _ chain: inout ChainReader
  ) throws(FileFailure) -> Bool {
    var isThere = false
    _ = try chain.walk(from: head, downTo: SnapshotID(id.value - 1)) { isThere = isThere || $0.id == id }
    return isThere
  }
}

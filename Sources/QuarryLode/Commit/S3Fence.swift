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

  /// Makes a pointer to what its readers take for the newest: where there is none, and where what is there names nothing
  /// though a commit was announced that is there as a whole. Its writer may have moved the pointer to it and died, and
  /// another may have spoiled the pointer since: nobody can tell that from one that died just before, so it counts.
  /// - Returns: false when another was first.
  func begin(_ turn: inout S3Turn) throws(FileFailure) -> Bool {
    guard turn.pointer == nil || turn.isTaken else { return true }
    var chain = ChainReader(layout: layout)
    var head = try chain.head()
    if let pointer = turn.pointer {
      let isOld = try isOld(pointer, turn.intent, in: &chain)
      if isOld, let newest = turn.intent.newest { head = try chain.canonical(newest) }
      guard pointer.id == nil || chain.damage != nil || isOld, try isWhole(turn.intent, below: head, in: &chain) else {
        return true
      }
    }
    if case .dangling(let lost)? = chain.damage { try LostSnapshots.note(lost, in: layout, store: store) }
    let id = head?.id ?? .beforeAll
    let raw = Array(id.description.utf8)
    guard let etag = try store.swap(layout.pointer, raw, was: turn.pointer?.etag) else { return false }
    turn.pointer = S3Turn.Pointer(id: id, raw: raw, etag: etag)
    return true
  }

  /// Whether a pointer was put back: what was announced follows a snapshot that is newer than the one that it names.
  private func isOld(
    _ pointer: S3Turn.Pointer, _ intent: CommitIntent, in chain: inout ChainReader
  ) throws(FileFailure) -> Bool {
    guard let named = pointer.id, let first = intent.ids.first, let parent = try chain.canonical(first)?.parent else {
      return false
    }
    guard parent > named else { return false }
    return try chain.canonical(parent) != nil
  }

  /// Whether an announced commit is the newest, and all its snapshots are there: each has its canonical manifest, which is
  /// written when those in partitions are.
  private func isWhole(
    _ intent: CommitIntent, below head: Manifest?, in chain: inout ChainReader
  ) throws(FileFailure) -> Bool {
    guard let newest = intent.newest, newest == head?.id else { return false }
    let announced = Set(intent.ids)
    var next: SnapshotID? = newest
    while let id = next, announced.contains(id) {
      guard let manifest = try chain.canonical(id) else { return false }
      next = manifest.parent.flatMap { $0 < id ? $0 : nil }
    }
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

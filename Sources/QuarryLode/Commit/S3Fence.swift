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

  /// Makes a pointer where there is none, to what its readers take for the newest.
  /// - Returns: false when another was first.
  func begin(_ turn: inout S3Turn) throws(FileFailure) -> Bool {
    guard turn.pointer == nil else { return true }
    var chain = ChainReader(layout: layout)
    let id = try chain.head()?.id ?? .beforeAll
    let raw = Array(id.description.utf8)
    guard let etag = try store.swap(layout.pointer, raw, was: nil) else { return false }
    turn.pointer = S3Turn.Pointer(id: id, raw: raw, etag: etag)
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

  private func isOnChain(_ id: SnapshotID) throws(FileFailure) -> Bool {
    var chain = ChainReader(layout: layout)
    var isThere = false
    let head = try chain.head()
    _ = try chain.walk(from: head, downTo: SnapshotID(id.value - 1)) { isThere = isThere || $0.id == id }
    return isThere
  }
}

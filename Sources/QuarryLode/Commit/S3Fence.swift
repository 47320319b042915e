import QuarryCore
import S3Client

/// Keeps a write of the pointer from coming late: the same id is put there with a newline more behind it, which readers
/// trim, so that the pointer is another object and no condition on the old one holds.
struct S3Fence {
  private let layout: DatasetLayout
  private let store: S3Store

  init(_ layout: DatasetLayout, _ store: S3Store) {
    self.layout = layout
    self.store = store
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
    while true {
      let pointer = try store.object(layout.pointer)
      if try isOnChain(id) { return true }
      guard mayComeLate, pointer?.info.etag == turn.pointer?.etag else { return false }
      guard pointer != nil else {
        throw FileFailure(
          "commit", layout.pointer,
          .store(
            S3Error(
              .uncertain, "commit to \(layout.folder)", "an answer was lost, and the first pointer may still come")))
      }
      var turn = turn
      if try put(before: &turn) { return false }
    }
  }

  private func isOnChain(_ id: SnapshotID) throws(FileFailure) -> Bool {
    var chain = ChainReader(layout: layout)
    var isThere = false
    let head = try chain.head()
    _ = try chain.walk(from: head, downTo: SnapshotID(id.value - 1)) { isThere = isThere || $0.id == id }
    return isThere
  }
}

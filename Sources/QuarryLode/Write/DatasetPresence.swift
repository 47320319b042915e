import QuarryCore
import Synchronization

/// Whether the dataset is still the one whose identity this process was told, or, where it was told none, the one that it has
/// committed to: after `rm -rf` or `mv` a write would begin another in its place, under a name that others trust, and
/// what was written before would not be found beside it.
///
/// By what stands in files and under names alone: numbers of folders may change on a file system that has none of its own.
final class DatasetPresence: Sendable {
  private let layout: DatasetLayout
  private let expected = Mutex<String?>(nil)
  /// The last that this process committed, whose folder nobody has a reason to remove but a repair.
  private let snapshot = Mutex<SnapshotID?>(nil)

  init(layout: DatasetLayout) { self.layout = layout }

  func expect(_ identity: String) { expected.withLock { $0 = identity } }

  /// To be called before each write.
  /// - Throws: `QuarryError(.storage)`.
  func check() throws(QuarryError) {
    guard let expected = expected.withLock({ $0 }) else { return try checkSnapshot() }
    let found = try layout.described { () throws(FileFailure) in
      try layout.store.bytes(DatasetIdentity.path(in: layout))
    }
    guard found.map({ String(decoding: $0, as: UTF8.self) }) != expected else { return }
    throw found == nil ? gone(layout.missingPart(of: DatasetIdentity.path(in: layout))) : replaced
  }

  /// To be called when a snapshot was committed.
  func wrote(_ id: SnapshotID) {
    guard layout.isOnDisk else { return }
    snapshot.withLock { $0 = id }
  }

  private func checkSnapshot() throws(QuarryError) {
    guard let id = snapshot.withLock({ $0 }), let missing = layout.missingPart(of: layout.canonicalFolder(id)) else {
      return
    }
    guard missing.utf8.count > layout.segments.utf8.count else { throw gone(missing) }
    guard try isRestored(id) else { throw replaced }
  }

  /// Whether a repair has committed a snapshot again, under another id.
  private func isRestored(_ id: SnapshotID) throws(QuarryError) -> Bool {
    try layout.described { () throws(FileFailure) in
      var chain = ChainReader(layout: layout, forgives: true)
      var current = try chain.head()
      while let manifest = current, manifest.id > id {
        if manifest.restored == id { return true }
        current = try chain.parent(of: manifest)
      }
      return false
    }
  }

  /// - Parameter missing: what of its path; nil for all of it.
  private func gone(_ missing: String?) -> QuarryError {
    let part = missing.flatMap { $0.utf8.count > layout.folder.utf8.count ? $0 : nil }
    return changed(part.map { "has lost \($0)" } ?? "is gone")
  }

  private var replaced: QuarryError { changed("was replaced by another") }

  private func changed(_ what: String) -> QuarryError {
    QuarryError(
      .storage, "the dataset \(layout.folder) \(what) since this process began: nothing more is written to it",
      remedy: "put it back, or start this process again to begin a new one")
  }
}

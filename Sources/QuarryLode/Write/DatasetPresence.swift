import QuarryCore
import Synchronization

/// Whether the dataset is still the one whose identity this process was told: after `rm -rf` a write would begin another
/// in its place, under a name that others trust.
final class DatasetPresence: Sendable {
  private let layout: DatasetLayout
  private let expected = Mutex<String?>(nil)

  init(layout: DatasetLayout) { self.layout = layout }

  func expect(_ identity: String) { expected.withLock { $0 = identity } }

  /// Asks nothing before an identity was told.
  /// - Throws: `QuarryError(.storage)`.
  func check() throws(QuarryError) {
    guard let expected = expected.withLock({ $0 }) else { return }
    let found = try layout.described { () throws(FileFailure) in
      try layout.store.bytes(DatasetIdentity.path(in: layout))
    }
    guard found.map({ String(decoding: $0, as: UTF8.self) }) != expected else { return }
    let what = found == nil ? "is gone" : "was replaced by another"
    throw QuarryError(
      .storage, "the dataset \(layout.folder) \(what) since this process began: nothing more is written to it",
      remedy: "put it back, or start this process again to begin a new one")
  }
}

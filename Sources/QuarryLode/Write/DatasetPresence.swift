import Glibc
import QuarryCore
import Synchronization

/// Whether the dataset is still the one whose identity this process was told, or, where it was told none, the folder that
/// it has written to: after `rm -rf` or `mv` a write would begin another in its place, under a name that others trust, and
/// what was written before would not be found beside it.
final class DatasetPresence: Sendable {
  private struct Folder: Equatable {
    let device: dev_t
    let inode: ino_t
  }

  private let layout: DatasetLayout
  private let expected = Mutex<String?>(nil)
  private let known = Mutex<Folder?>(nil)

  init(layout: DatasetLayout) { self.layout = layout }

  func expect(_ identity: String) { expected.withLock { $0 = identity } }

  /// To be called before each write.
  /// - Throws: `QuarryError(.storage)`.
  func check() throws(QuarryError) {
    guard let expected = expected.withLock({ $0 }) else { return try checkFolder() }
    let found = try layout.described { () throws(FileFailure) in
      try layout.store.bytes(DatasetIdentity.path(in: layout))
    }
    guard found.map({ String(decoding: $0, as: UTF8.self) }) != expected else { return }
    throw moved(isGone: found == nil)
  }

  /// To be called when something was written, and the folder is there in any case.
  func wrote() {
    guard layout.isOnDisk, known.withLock({ $0 }) == nil, case .success(let folder?) = folder() else { return }
    known.withLock { $0 = $0 ?? folder }
  }

  private func checkFolder() throws(QuarryError) {
    // Where it cannot be looked at, what is written next says why.
    guard layout.isOnDisk, let known = known.withLock({ $0 }), case .success(let found) = folder() else { return }
    if found != known { throw moved(isGone: found == nil) }
  }

  private func folder() -> Result<Folder?, FileFailure> {
    var status = stat()
    if stat(layout.folder, &status) == 0 { return .success(Folder(device: status.st_dev, inode: status.st_ino)) }
    return errno == ENOENT || errno == ENOTDIR ? .success(nil) : .failure(FileFailure("read", layout.folder, errno))
  }

  private func moved(isGone: Bool) -> QuarryError {
    let what = isGone ? "is gone" : "was replaced by another"
    return QuarryError(
      .storage, "the dataset \(layout.folder) \(what) since this process began: nothing more is written to it",
      remedy: "put it back, or start this process again to begin a new one")
  }
}

import Glibc
import QuarryCore

/// The lock on `latest.lock` that every writer of a dataset holds from reading the head to moving the pointer.
///
/// Owns two descriptors: the lock file, and the dataset's folder for making things durable.
final class PointerLock: Sendable {
  let lockFile: Int32
  let folder: Int32
  let path: String

  /// Makes the dataset's folder where it is missing.
  init(layout: DatasetLayout, files: FileSystem) throws(FileFailure) {
    path = layout.lock
    try files.makeFolders(layout.folder, below: layout.root)
    let folder = open(layout.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw FileFailure("open", layout.folder, errno) }
    do {
      lockFile = try files.openForLocking(layout.lock)
    } catch {
      close(folder)
      throw error
    }
    self.folder = folder
  }

  /// False when the file was removed or replaced under us: then others lock another one.
  var isCurrent: Bool {
    var ours = stat()
    var named = stat()
    guard fstat(lockFile, &ours) == 0, stat(path, &named) == 0 else { return false }
    return ours.st_ino == named.st_ino && ours.st_dev == named.st_dev
  }

  /// Waits for the lock, trying again after short random pauses, so that no writer is ever refused for being second.
  /// - Returns: false when the deadline passed.
  func acquire(until end: ContinuousClock.Instant, files: FileSystem) throws(FileFailure) -> Bool {
    var longest: UInt32 = 300
    while try !files.tryLock(lockFile, path: path) {
      if ContinuousClock.now >= end { return false }
      usleep(UInt32.random(in: 50...longest))
      longest = min(longest * 2, 2_000)
    }
    return true
  }

  func release() { _ = flock(lockFile, LOCK_UN) }

  static func held(_ layout: DatasetLayout) -> QuarryError {
    QuarryError(
      .storage, "cannot commit to \(layout.folder): \(layout.lock) stayed locked by another process",
      remedy: "see who holds it: fuser -v '\(layout.lock)'")
  }

  deinit {
    close(lockFile)
    close(folder)
  }
}

import Glibc
import Synchronization

/// A locked file (flock), which goes with the process: a crash leaves nothing to clean up.
final class DiskClaim: StoreClaim {
  private let path: String
  private let files: FileSystem
  private let file: Mutex<Int32?>

  private init(_ path: String, _ held: Int32, files: FileSystem) {
    self.path = path
    self.files = files
    file = Mutex(held)
  }

  /// - Returns: nil when another process holds the lock.
  static func take(_ path: String, files: FileSystem) throws(FileFailure) -> DiskClaim? {
    while true {
      let file = try files.openForLocking(path)
      var ours = stat()
      var named = stat()
      guard try files.tryLock(file, path: path) else {
        close(file)
        return nil
      }
      // Removed by the holder before us, between our open and our lock: then ours is no longer the claim.
      if fstat(file, &ours) == 0, stat(path, &named) == 0, ours.st_ino == named.st_ino {
        return DiskClaim(path, file, files: files)
      }
      close(file)
    }
  }

  func isHeld() -> Bool { true }

  func release() {
    let held = file.withLock { file in
      defer { file = nil }
      return file
    }
    guard let held else { return }
    files.remove(path)
    // A program that another thread is just starting has a copy of the descriptor for a moment.
    _ = flock(held, LOCK_UN)
    close(held)
  }

  deinit { release() }
}

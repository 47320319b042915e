import Glibc
import QuarryCore
import Synchronization

/// The right to write a run of an id that a person chose, held while the run goes on.
///
/// A lock on `.quarry/claims/<run id>` keeps two processes from starting it at the same moment; it goes with the
/// process, so a crash leaves nothing to clean up. What was stored under the id keeps it taken for all time.
package final class RunClaim: Sendable {
  private let path: String
  private let files: FileSystem
  private let file: Mutex<Int32?>

  init(runID: String, layout: DatasetLayout, files: FileSystem) throws(QuarryError) {
    path = "\(layout.own)/claims/\(RunPartition.escape(runID))"
    self.files = files
    let path = path
    let held = try layout.described { () throws(FileFailure) in
      try files.makeFolders("\(layout.own)/claims", below: layout.root)
      return try Self.lock(path, files: files)
    }
    guard let held else {
      throw QuarryError(
        .usage, "run id '\(runID)' is running now in another process", remedy: "choose another --run-id")
    }
    file = Mutex(held)
    let existing = try layout.described { () throws(FileFailure) in
      try RunFinder(layout: layout).find(runID: runID).first
    }
    guard let existing else { return }
    release()
    throw QuarryError(
      .usage, "run id '\(runID)' is taken: \(layout.partitions)/\(existing.path)", remedy: "choose another --run-id")
  }

  /// Gives the id free for the next process, which then finds what this one stored. May be called again.
  package func release() {
    let held = file.withLock { file in
      defer { file = nil }
      return file
    }
    guard let held else { return }
    files.remove(path)
    close(held)
  }

  deinit { release() }

  /// - Returns: the locked descriptor, or nil when another process holds the lock.
  private static func lock(_ path: String, files: FileSystem) throws(FileFailure) -> Int32? {
    while true {
      let file = try files.openForLocking(path)
      var ours = stat()
      var named = stat()
      guard try files.tryLock(file, path: path) else {
        close(file)
        return nil
      }
      // Removed by the holder before us, between our open and our lock: then ours is no longer the claim.
      if fstat(file, &ours) == 0, stat(path, &named) == 0, ours.st_ino == named.st_ino { return file }
      close(file)
    }
  }
}

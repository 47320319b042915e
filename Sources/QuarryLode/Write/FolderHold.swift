import Glibc

/// Says that a run goes on which will yet list files of this folder: a shared lock (flock) on the folder itself, which goes
/// with the process. `quarry lode gc` takes nothing from a folder that is held.
///
/// Where folders cannot be locked, nothing is said, and the collector, which cannot lock it either, keeps its hands off.
package final class FolderHold: Sendable {
  private let folder: Int32?

  /// - Throws: when the folder could be locked and was not (too many open files, too many locks).
  init(_ path: String, files: FileSystem) throws(FileFailure) { folder = try files.holdFolder(path) }

  deinit {
    guard let folder else { return }
    // A process that is being started at this moment may have the descriptor too.
    _ = flock(folder, LOCK_UN)
    close(folder)
  }
}

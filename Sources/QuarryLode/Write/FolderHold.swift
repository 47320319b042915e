import Glibc

/// Says that a run goes on which will yet list files of this folder: a shared lock (flock) on the folder itself, which goes
/// with the process. `quarry lode gc` takes nothing from a folder that is held.
///
/// Where folders cannot be locked, nothing is said, and the collector, which cannot lock it either, keeps its hands off.
final class FolderHold: Sendable {
  private let folder: Int32

  init(_ path: String) {
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    while folder >= 0, flock(folder, LOCK_SH) != 0, errno == EINTR {}
  }

  deinit { if folder >= 0 { close(folder) } }
}

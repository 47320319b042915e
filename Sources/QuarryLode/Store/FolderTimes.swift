import CLinux
import Glibc
import QuarryCore

/// What a store knows of how a folder has come to be as it is; nothing in a bucket, where a folder is but the beginning of
/// names.
package struct FolderTimes: Sendable, Equatable {
  /// When something was last put into it or taken out, or it was made, moved or restored; nobody can set it.
  package var changed: Timestamp?
  /// Not every file system keeps it.
  package var made: Timestamp?

  package init(changed: Timestamp? = nil, made: Timestamp? = nil) {
    self.changed = changed
    self.made = made
  }
}

extension DiskStore {
  package func times(ofFolder folder: String) throws(FileFailure) -> FolderTimes? {
    var (changed, made): (Int64, Int64) = (0, 0)
    guard folder_times(folder, &changed, &made) == 0 else {
      guard errno == ENOENT || errno == ENOTDIR else { throw FileFailure("read", folder, errno) }
      return nil
    }
    return FolderTimes(
      changed: Timestamp(nanoseconds: changed), made: made == 0 ? nil : Timestamp(nanoseconds: made))
  }
}

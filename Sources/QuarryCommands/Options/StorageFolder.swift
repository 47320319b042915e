import Glibc
import QuarryCore

/// The directory that holds datasets.
struct StorageFolder {
  let path: String

  /// Before anything is written: the directory is there and can be written, or is made, with a notice, where it is
  /// the default one.
  func prepareForWriting(isDefault: Bool, _ console: Console) throws(QuarryError) {
    if isDefault { try make(console) }
    try require()
    guard access(path, W_OK | X_OK) == 0 else {
      let code = errno
      throw QuarryError(
        .storage, "storage path \(path) cannot be written: \(String(cString: strerror(code)))", remedy: remedy(code))
    }
  }

  /// What to do where `access` says no.
  private func remedy(_ code: Int32) -> String {
    var status = stat()
    if code == EROFS { return "its file system is read-only: name another place with --storage-path DIR" }
    guard stat(path, &status) == 0, status.st_uid == geteuid() else {
      return "it is another user's: ask them for the right to write there, or name another with --storage-path DIR"
    }
    return "give yourself the right (chmod u+rwx '\(path)'), or name another with --storage-path DIR"
  }

  private func make(_ console: Console) throws(QuarryError) {
    if mkdir(path, 0o777) == 0 {
      return console.say("storing in \(path) (made just now; --storage-path names another place)")
    }
    guard errno != EEXIST else { return }
    throw QuarryError(
      .storage, "storage path \(path) cannot be made: \(String(cString: strerror(errno)))",
      remedy: "name another place with --storage-path DIR")
  }

  /// - Throws: `QuarryError(.storage)` when there is no directory to read.
  func require(remedy: String? = nil) throws(QuarryError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      let code = errno
      throw QuarryError(
        .storage, "storage path \(path): \(String(cString: strerror(code)))",
        remedy: remedy
          ?? (code == ENOENT ? "make it with: mkdir -p '\(path)', or " : "") + "name another with --storage-path DIR")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw QuarryError(
        .storage, "storage path \(path) is not a directory", remedy: "name a directory with --storage-path DIR")
    }
  }
}

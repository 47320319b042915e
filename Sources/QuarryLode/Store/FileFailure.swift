import Glibc
import QuarryCore
import S3Client

/// Work on a file of a store that failed: what was tried, where, and why.
package struct FileFailure: Error, Sendable, Equatable {
  /// In place of a system's error number, for a name that is a folder's, a named pipe's, a device's.
  static let notRegular: Int32 = -1
  /// The same, for a file system that has space, and no inode for another file.
  static let noInodes: Int32 = -2

  package enum Cause: Sendable, Equatable {
    /// The system's error number.
    case system(Int32)
    case store(S3Error)
    /// The run is no longer this process' to write.
    case claim(QuarryError)
    /// What was read is not what was stored: why.
    case damage(String)
  }

  package let operation: String
  /// In full, as messages show it.
  package let path: String
  package let cause: Cause

  package init(_ operation: String, _ path: String, _ cause: Cause) {
    self.operation = operation
    self.path = path
    self.cause = cause
  }

  /// - Parameter code: the system's error number. What has failed may give inodes back as it is cleared away, so that they are
  ///   looked at here.
  package init(_ operation: String, _ path: String, _ code: Int32) {
    let lacksInodes = code == ENOSPC && FileReading.lacksInodes(path)
    self.init(operation, path, .system(lacksInodes ? Self.noInodes : code))
  }

  /// The system's error number; 0 when it was not the system.
  package var code: Int32 { if case .system(let code) = cause { code } else { 0 } }

  /// A symbolic link, which is not followed in a dataset.
  var isOfLink: Bool { code == ELOOP }

  /// Whether no bucket's store is behind it: then it has to do with this file, or this run. Of others
  /// `DatasetStore.isOfOneFile` tells.
  var isLocal: Bool { if case .store = cause { false } else { true } }

  /// Whether a bucket's store, or the way to it, does not work now.
  var isOutage: Bool { if case .store(let error) = cause { error.kind == .unavailable } else { false } }

  /// Whether what lies there may be read another time, as it is.
  var mayPass: Bool { if case .damage = cause { false } else { !isOfLink && code != Self.notRegular } }

  /// In words for the person who chose the storage path.
  /// - Parameter flags: those of the dataset (`DatasetLayout`), where one is known.
  package func described(root: String, flags: String? = nil) -> QuarryError {
    switch cause {
    case .store(let error): QuarryError(.storage, error.description, remedy: error.remedy)
    case .claim(let error): error
    case .damage(let reason): QuarryError(.storage, "\(path) is damaged: \(reason)")
    case .system:
      QuarryError(.storage, "cannot \(operation) \(path): \(reason(root: root))", remedy: remedy(root: root, flags))
    }
  }

  private func reason(root: String) -> String {
    switch code {
    case Self.noInodes:
      "the file system of \(root) has no inode left for another file or folder, though it has space"
    case Self.notRegular: "it is no regular file"
    case ELOOP:
      "it is a symbolic link or lies behind one"
        + (FileReading.link(above: path, below: root).map { " (\($0))" } ?? "")
        + ", and none is followed in a dataset"
    default: String(cString: strerror(code))
    }
  }

  private var isReading: Bool { operation == "read" || operation == "list" }

  private func remedy(root: String, _ flags: String?) -> String? {
    switch code {
    case Self.noInodes:
      "remove files there, or choose another --storage-path, on a file system that was made for more of them"
    case ENOSPC, EDQUOT: "free space on the file system of \(root), or choose another --storage-path"
    case EACCES where isReading, EPERM where isReading: "give this user the right to read below \(root)"
    case EACCES, EPERM: "give this user the right to write below \(root), or choose another --storage-path"
    case EROFS: "\(root) is on a read-only file system; choose another --storage-path"
    case ENOENT where isReading:
      "something has removed it" + (flags.map { "; `quarry lode verify\($0)` says what else is missing" } ?? "")
    case ENOENT where root.hasPrefix("/"):
      FileReading.exists(root)
        ? "something has removed a folder of it; keep others from changing what lies below \(root)"
        : "put it back, or make it: mkdir -p '\(root)'"
    case ENOTDIR:
      FileReading.file(above: path, below: root).map { "move \($0) away, which is no folder" }
        ?? "a part of the path is a file; choose a folder as --storage-path"
    case ENAMETOOLONG:
      "a name in the path is longer than the file system allows; use a shorter source, category, run id or filename"
    case EMFILE, ENFILE: "too many files are open; raise the limit (ulimit -n)"
    case Self.notRegular, EISDIR: "move away what lies there in the place of a file"
    case ELOOP:
      "put what it leads to in its place; to keep that on another disk, mount it there (mount --bind)"
    default: nil
    }
  }
}

extension FileFailure {
  func described(_ layout: DatasetLayout) -> QuarryError { described(root: layout.root, flags: layout.flags) }

  /// A sentence for what is passed over (`DatasetLayout.isOfOneFile`).
  func sentence(_ layout: DatasetLayout) -> String {
    let message = described(layout).message
    guard case .store = cause else { return message }
    return
      "\(message); the store gives others, so see what is this one's alone (its encryption key, its storage class, a lost "
      + "volume of the store)"
  }
}

extension DatasetLayout {
  /// Whether what failed has to do with one file, so that who only reads may go on without it; a bucket is asked for `latest`.
  func isOfOneFile(_ failure: FileFailure) -> Bool { store.isOfOneFile(failure, asking: pointer) }

  /// Runs file work and turns its failure into words.
  func described<Value>(_ work: () throws(FileFailure) -> Value) throws(QuarryError) -> Value {
    do { return try work() } catch { throw error.described(self) }
  }
}

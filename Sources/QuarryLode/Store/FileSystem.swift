import CLinux
import Glibc
import QuarryCore

/// The few system calls that a dataset needs, each with its error turned into words.
///
/// Tests pass a `fault` to fail or "crash" at any one of them; it is asked before each call that changes something.
package struct FileSystem: Sendable {
  package enum Operation: String, Sendable, CaseIterable {
    case makeFolder = "create folder"
    case createFile = "create"
    case write
    case sync = "make durable"
    case rename
    case link = "publish"
    case remove
    case lock
  }

  /// What happens instead of the call.
  package enum Fault: Sendable, Equatable {
    /// The call fails with this errno.
    case failure(Int32)
    /// A write puts half of its bytes down, then fails.
    case tornWrite(Int32)
  }

  /// Bytes of one `write` at most. A larger one makes the kernel take huge pages for the cache, which a virtual machine may
  /// first have to get from its host: pieces of 4 MiB were written ten times as slowly as the same in 256 KiB.
  private static let largestWrite = 256 << 10

  private let mode: mode_t
  private let fault: (@Sendable (Operation, String) -> Fault?)?

  /// - Parameter mode: of folders that are made, less the process' mask.
  package init(mode: mode_t = 0o777, fault: (@Sendable (Operation, String) -> Fault?)? = nil) {
    self.mode = mode
    self.fault = fault
  }

  private func check(_ operation: Operation, _ path: String) throws(FileFailure) {
    if case .failure(let code)? = fault?(operation, path) { throw FileFailure(operation.rawValue, path, code) }
  }

  /// Makes one folder.
  /// - Returns: false when it is there already.
  package func makeFolder(_ path: String) throws(FileFailure) -> Bool {
    try check(.makeFolder, path)
    if mkdir(path, mode) == 0 { return true }
    if errno == EEXIST { return false }
    throw FileFailure(Operation.makeFolder.rawValue, path, errno)
  }

  /// Makes the folder and what is missing above it, below `root`; the root itself is never made.
  /// - Returns: the folders that it made, the outer ones first; empty when it was there already.
  @discardableResult
  package func makeFolders(_ path: String, below root: String) throws(FileFailure) -> [String] {
    var made: [String] = []
    // Another process may remove an empty folder between two calls, hence more than one round.
    for _ in 0..<8 {
      do throws(FileFailure) {
        return try makeFolder(path) ? made + [path] : []
      } catch {
        guard error.code == ENOENT, let parent = Self.parent(of: path), parent.utf8.count > root.utf8.count else {
          throw error
        }
        made += try makeFolders(parent, below: root)
      }
    }
    throw FileFailure(Operation.makeFolder.rawValue, path, ENOENT)
  }

  /// Creates a file that must not be there yet and writes all bytes. On failure nothing is left of it.
  package func create(_ path: String, _ bytes: UnsafeRawBufferPointer) throws(FileFailure) {
    try check(.createFile, path)
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw FileFailure(Operation.createFile.rawValue, path, errno) }
    do {
      try write(bytes, to: file, path)
    } catch {
      _ = close(file)
      remove(path)
      throw error
    }
    // Network file systems report a full disk here.
    guard close(file) == 0 else {
      let code = errno
      remove(path)
      throw FileFailure(Operation.write.rawValue, path, code)
    }
  }

  /// The time that a file gets which is made now: the file system's, which may be another machine's.
  /// - Returns: nil where none can be made.
  func now(in folder: String) -> Timestamp? {
    if let time = timeOfNewFile({ open(folder, O_WRONLY | O_DIRECTORY | Self.unnamed | O_CLOEXEC, 0o600) }) {
      return time
    }
    let named = "\(folder)/\(DatasetLayout.temporaryPrefix)\(UUIDv7.make())"
    let time = timeOfNewFile { open(named, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
    if time != nil { remove(named) }
    return time
  }

  /// `O_TMPFILE` without `O_DIRECTORY`: a file that is nowhere and goes when it is closed; not every file system has them.
  private static let unnamed: Int32 = 0o20_000_000

  private func timeOfNewFile(_ make: () -> Int32) -> Timestamp? {
    let file = make()
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { return nil }
    return Timestamp(seconds: Int64(status.st_mtim.tv_sec), nanoseconds: Int64(status.st_mtim.tv_nsec))
  }

  package func create(_ path: String, _ bytes: [UInt8]) throws(FileFailure) {
    let result = bytes.withUnsafeBytes { buffer -> Result<Void, FileFailure> in
      do throws(FileFailure) { return .success(try create(path, buffer)) } catch { return .failure(error) }
    }
    try result.get()
  }

  private func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, _ path: String) throws(FileFailure) {
    let injected = fault?(.write, path)
    if case .failure(let code)? = injected { throw FileFailure(Operation.write.rawValue, path, code) }
    let end = injected == nil ? bytes.count : bytes.count / 2
    var position = 0
    while position < end {
      let piece = min(end - position, Self.largestWrite)
      let count = Glibc.write(file, bytes.baseAddress?.advanced(by: position), piece)
      if count > 0 {
        position += count
      } else if errno != EINTR {
        throw FileFailure(Operation.write.rawValue, path, count == 0 ? ENOSPC : errno)
      }
    }
    if case .tornWrite(let code)? = injected { throw FileFailure(Operation.write.rawValue, path, code) }
  }

  /// Replaces the whole content of an open file, in place.
  package func overwrite(_ file: Int32, _ bytes: [UInt8], path: String) throws(FileFailure) {
    try check(.write, path)
    guard pwrite(file, bytes, bytes.count, 0) == bytes.count else {
      throw FileFailure(Operation.write.rawValue, path, errno)
    }
  }

  /// Moves a file over another, in one step.
  package func rename(_ old: String, to new: String) throws(FileFailure) {
    try check(.rename, new)
    guard Glibc.rename(old, new) == 0 else { throw FileFailure(Operation.rename.rawValue, new, errno) }
  }

  /// Gives a file a second name that must be free.
  /// - Returns: false when the name is taken.
  package func link(_ old: String, to new: String) throws(FileFailure) -> Bool {
    try check(.link, new)
    if Glibc.link(old, new) == 0 { return true }
    if errno == EEXIST { return false }
    throw FileFailure(Operation.link.rawValue, new, errno)
  }

  /// Removes a file, as far as it can.
  /// - Returns: 0, or the system's error number.
  @discardableResult
  package func remove(_ path: String) -> Int32 {
    if let code = removalFault(path) { return code }
    return unlink(path) == 0 ? 0 : errno
  }

  /// Removes a folder if it is there and empty.
  /// - Returns: 0, or the system's error number.
  @discardableResult
  package func removeFolder(_ path: String) -> Int32 {
    if let code = removalFault(path) { return code }
    return rmdir(path) == 0 ? 0 : errno
  }

  private func removalFault(_ path: String) -> Int32? {
    switch fault?(.remove, path) {
    case .failure(let code), .tornWrite(let code): code
    case nil: nil
    }
  }

  /// Makes the content of files, and the entries of folders, durable.
  ///
  /// Several at a time, so that they share one commit of the file system's journal and one wait: one after the other they took
  /// up to twenty times as long. `syncfs` would need no threads, but it waits for what every other program has written to
  /// the file system too: a quarter of a second beside one that copies a large file.
  package func sync(_ paths: [String]) throws(FileFailure) {
    for path in paths { try check(.sync, path) }
    let failures = Concurrently.map(paths, width: 4) { path in Self.sync(path) }
    if let failure = failures.lazy.compactMap({ $0 }).first { throw failure }
  }

  private static func sync(_ path: String) -> FileFailure? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return FileFailure("open", path, errno) }
    defer { close(file) }
    return fsync(file) == 0 ? nil : FileFailure(Operation.sync.rawValue, path, errno)
  }

  /// Takes the lock of an open file (`flock`).
  /// - Returns: false when another has it.
  package func tryLock(_ file: Int32, path: String) throws(FileFailure) -> Bool {
    try check(.lock, path)
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { return false }
      if errno != EINTR { throw FileFailure(Operation.lock.rawValue, path, errno) }
    }
    return true
  }

  /// Takes the lock of an open file, however long it takes; who waits longest has it first.
  package func lock(_ file: Int32, path: String) throws(FileFailure) {
    try check(.lock, path)
    while flock(file, LOCK_EX) != 0 {
      if errno != EINTR { throw FileFailure(Operation.lock.rawValue, path, errno) }
    }
  }

  /// Takes a shared lock on a folder, for as long as the descriptor is open.
  /// - Returns: nil on a file system where folders cannot be locked, by nobody.
  package func holdFolder(_ path: String) throws(FileFailure) -> Int32? {
    try check(.lock, path)
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw FileFailure("open", path, errno) }
    while flock(folder, LOCK_SH) != 0 {
      let code = errno
      if code == EINTR { continue }
      close(folder)
      if [EBADF, EINVAL, EISDIR, ENOSYS, EOPNOTSUPP].contains(code) { return nil }
      throw FileFailure(Operation.lock.rawValue, path, code)
    }
    return folder
  }

  package func openForLocking(_ path: String) throws(FileFailure) -> Int32 {
    try check(.createFile, path)
    // What a link leads to is another's, and would be written over.
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
    guard file >= 0 else { throw FileFailure("open", path, errno) }
    var status = stat()
    if fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG { return file }
    _ = close(file)
    throw FileFailure("open", path, FileFailure.notRegular)
  }

  package static func parent(of path: String) -> String? {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex else { return nil }
    return String(path[..<slash])
  }
}

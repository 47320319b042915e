import Glibc
import QuarryCore

/// A file that comes under its name when it is whole: written beside it, then renamed. What is no regular file (a device, a
/// named pipe) is written as it is.
struct NewFile: ~Copyable {
  struct Failure: Error {
    let code: Int32
    /// The name is taken, and nothing was done.
    var isTaken: Bool { code == EEXIST }
    var reason: String { String(cString: strerror(code)) }
  }

  let path: String
  private let replaces: Bool
  private let temporary: String?
  private let descriptor: Int32

  /// - Parameters:
  ///   - path: absolute.
  ///   - replaces: whether a file of that name may go; else nothing that is there is touched.
  init(_ path: String, replaces: Bool) throws(Failure) {
    // Of a link it is the file that it leads to which is replaced.
    let path = replaces ? Self.resolved(path) : path
    let temporary = try Self.isSpecial(path, replaces: replaces) ? nil : Self.temporary(beside: path)
    let flags = temporary == nil ? O_WRONLY : O_WRONLY | O_CREAT | O_EXCL
    let descriptor = open(temporary ?? path, flags | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Failure(code: errno) }
    self.init(path: path, replaces: replaces, temporary: temporary, descriptor: descriptor)
  }

  private init(path: String, replaces: Bool, temporary: String?, descriptor: Int32) {
    self.path = path
    self.replaces = replaces
    self.temporary = temporary
    self.descriptor = descriptor
  }

  /// - Throws: when the name cannot be had.
  private static func isSpecial(_ path: String, replaces: Bool) throws(Failure) -> Bool {
    var status = stat()
    guard replaces || lstat(path, &status) != 0 else { throw Failure(code: EEXIST) }
    guard stat(path, &status) == 0 else { return false }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw Failure(code: EISDIR) }
    return status.st_mode & S_IFMT != S_IFREG
  }

  private static func resolved(_ path: String) -> String {
    guard let found = realpath(path, nil) else { return path }
    defer { free(found) }
    return String(cString: found)
  }

  private static func temporary(beside path: String) -> String {
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    return "\(folder).quarry-\(UUIDv7.make()).tmp"
  }

  func write(_ bytes: [UInt8]) throws(Failure) {
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Failure(code: count == 0 ? ENOSPC : errno) }
      offset += count
    }
  }

  /// Gives the file its name.
  func publish() throws(Failure) {
    try flush()
    guard let temporary else { return }
    guard !replaces else { return try check(rename(temporary, path)) }
    if link(temporary, path) == 0 { return }
    // Where files have one name alone, nobody can be kept from taking it in between.
    guard [EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(errno) else { throw Failure(code: errno) }
    guard access(path, F_OK) != 0 else { throw Failure(code: EEXIST) }
    try check(rename(temporary, path))
  }

  /// Network file systems say so when a descriptor is closed, be it one of two, that what was written found no room.
  private func flush() throws(Failure) {
    let second = dup(descriptor)
    guard second >= 0 else { throw Failure(code: errno) }
    try check(close(second))
  }

  private func check(_ result: Int32) throws(Failure) {
    if result != 0 { throw Failure(code: errno) }
  }

  deinit {
    close(descriptor)
    if let temporary { unlink(temporary) }
  }
}

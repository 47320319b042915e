import Glibc
import QuarryCore

/// Reading whole small files and listing folders; what is missing is nil or empty, never an error.
enum FileReading {
  /// Opens a regular file; anything else under that name might be waited for without end.
  /// - Returns: nil when there is no such file.
  static func open(_ path: String, followsLinks: Bool = true) throws(FileFailure) -> Int32? {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW))
    guard file >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw FileFailure("read", path, errno == ENXIO ? FileFailure.notRegular : errno)
    }
    var status = stat()
    if fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG { return file }
    close(file)
    throw FileFailure("read", path, FileFailure.notRegular)
  }

  /// - Returns: nil when there is no such file.
  static func bytes(_ path: String) throws(FileFailure) -> [UInt8]? {
    guard let file = try open(path) else { return nil }
    defer { close(file) }
    return try bytes(of: file, path: path)
  }

  /// From the start of an open file to its end.
  static func bytes(of file: Int32, path: String) throws(FileFailure) -> [UInt8] {
    var out: [UInt8] = []
    var capacity = 8_192
    while true {
      let start = out.count
      var count = 0
      out.append(
        contentsOf: [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
          count = pread(file, buffer.baseAddress, capacity, off_t(start))
          filled = max(0, count)
        })
      if count == 0 { return out }
      if count < 0 && errno != EINTR { throw FileFailure("read", path, errno) }
      // A short read of a regular file is its end.
      if count > 0 && count < capacity { return out }
      capacity = min(capacity * 4, 4 << 20)
    }
  }

  /// The names in a folder, without `.` and `..`, unsorted; empty when it is missing.
  static func names(in path: String) throws(FileFailure) -> [String] {
    guard let folder = opendir(path) else {
      if errno == ENOENT || errno == ENOTDIR { return [] }
      throw FileFailure("list", path, errno)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else {
        if errno != 0 { throw FileFailure("list", path, errno) }
        return names
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }

  static func isLink(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}

import CLinux
import Glibc
import QuarryCore

/// Reading whole small files and listing folders; what is missing is nil or empty, never an error.
///
/// Below a dataset's folder no symbolic link is followed: what it leads to is another's. The folder itself may be one.
enum FileReading {
  /// Whether a file system that counts inodes has none left for this user.
  /// - Parameter path: need not be there yet.
  static func lacksInodes(_ path: String) -> Bool {
    var figures = statvfs()
    var place = path
    while statvfs(place, &figures) != 0 {
      guard errno == ENOENT, let parent = FileSystem.parent(of: place) else { return false }
      place = parent
    }
    return figures.f_files > 0 && figures.f_favail == 0
  }

  /// Opens a regular file; anything else under that name might be waited for without end.
  /// - Parameter dataset: the folder of the dataset that it lies in, if it does.
  /// - Returns: nil when there is no such file.
  static func open(_ path: String, in dataset: String?) throws(FileFailure) -> Int32? {
    let file = descriptor(path, in: dataset, 0)
    guard file >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw FileFailure("read", path, errno == ENXIO ? FileFailure.notRegular : errno)
    }
    var status = stat()
    if fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG { return file }
    close(file)
    throw FileFailure("read", path, FileFailure.notRegular)
  }

  /// - Returns: -1 with `errno`, as `open`.
  private static func descriptor(_ path: String, in dataset: String?, _ flags: Int32) -> Int32 {
    let flags = flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK
    guard let dataset else { return Glibc.open(path, flags) }
    let folder = Glibc.open(dataset, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return -1 }
    let rest = String(Substring(path.utf8.dropFirst(dataset.utf8.count + 1)))
    var file = open_beneath(folder, rest, flags)
    if file < 0, errno == ENOSYS || errno == EPERM { file = openStepwise(rest, below: folder, flags) }
    let code = errno
    close(folder)
    errno = code
    return file
  }

  /// Where the system, or a sandbox, does not know the call: one folder after the other.
  static func openStepwise(_ path: String, below start: Int32, _ flags: Int32) -> Int32 {
    var folder = dup(start)
    let names = path.split(separator: "/")
    for (index, name) in names.enumerated() where folder >= 0 {
      let isLast = index == names.count - 1
      let next = openat(folder, String(name), (isLast ? flags : O_RDONLY | O_DIRECTORY | O_CLOEXEC) | O_NOFOLLOW)
      // Asked for a folder, the system says of a link that it is none.
      let code = next < 0 && errno == ENOTDIR && isLink(String(name), in: folder) ? ELOOP : errno
      close(folder)
      errno = code
      folder = next
    }
    return folder
  }

  private static func isLink(_ name: String, in folder: Int32) -> Bool {
    var status = stat()
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// - Returns: nil when there is no such file.
  static func bytes(_ path: String, in dataset: String?) throws(FileFailure) -> [UInt8]? {
    guard let file = try open(path, in: dataset) else { return nil }
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
  static func names(in path: String, of dataset: String?) throws(FileFailure) -> [String] {
    let descriptor = descriptor(path, in: dataset, O_DIRECTORY)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return [] }
      throw FileFailure("list", path, errno)
    }
    guard let folder = fdopendir(descriptor) else {
      close(descriptor)
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

  /// What lies below the storage root, on the way to a place there, and is no folder.
  static func file(above path: String, below root: String) -> String? {
    var place = FileSystem.parent(of: path)
    while let current = place, current.utf8.count > root.utf8.count {
      if exists(current) { return isFolder(current) ? nil : current }
      place = FileSystem.parent(of: current)
    }
    return nil
  }

  /// The outermost folder in a dataset, on the way to a place there, that is a link.
  /// - Parameter root: of all datasets.
  static func link(above path: String, below root: String) -> String? {
    let datasets = "\(root)/datasets/".utf8.count
    var link: String?
    var place = FileSystem.parent(of: path)
    while let current = place, current.utf8.dropFirst(datasets).contains(UInt8(ascii: "/")) {
      if isLink(current) { link = current }
      place = FileSystem.parent(of: current)
    }
    return link
  }

  static func isLink(_ path: String) -> Bool { lies(S_IFLNK, at: path) }
  static func isFolder(_ path: String) -> Bool { lies(S_IFDIR, at: path) }

  /// Whether something of a type lies there itself, and not behind a link.
  private static func lies(_ type: mode_t, at path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == type
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// - Returns: nil where that cannot be seen.
  static func isThere(_ path: String) -> Bool? {
    if exists(path) { return true }
    return errno == ENOENT || errno == ENOTDIR ? false : nil
  }
}

import Glibc
import QuarryCore

/// A folder of this machine, or of a file system that it has mounted.
package struct DiskStore: DatasetStore {
  /// Absolute, without a slash at the end.
  package let root: String
  let files: FileSystem
  let newFolders = NewFolders()

  /// Told, for a person, what a commit waits for when that takes long; from any thread.
  let onWait: (@Sendable (String) -> Void)?

  package init(
    root: String, files: FileSystem = FileSystem(), onWait: (@Sendable (String) -> Void)? = nil
  ) {
    self.files = files
    self.onWait = onWait
    self.root = root.utf8.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
  }

  package func bytes(_ file: String) throws(FileFailure) -> [UInt8]? {
    try FileReading.bytes(file, in: dataset(of: file))
  }

  package func bytes(_ file: String, limit: Int) throws(FileFailure) -> [UInt8]? {
    try open(file)?.bytes(limit, at: 0)
  }

  package func names(in folder: String) throws(FileFailure) -> [String] {
    try FileReading.names(in: folder, of: dataset(of: folder))
  }

  /// The folder of the dataset that a place lies in; nil for the folder itself, and for what is beside datasets.
  private func dataset(of place: String) -> String? {
    let start = "\(root)/datasets/".utf8
    guard place.utf8.starts(with: start) else { return nil }
    return place.utf8.dropFirst(start.count).firstIndex(of: UInt8(ascii: "/")).map { String(place[..<$0]) }
  }

  package func snapshots(in segments: String) throws(FileFailure) -> [SnapshotID] {
    var ids: [SnapshotID] = []
    for id in try names(in: segments).compactMap({ SnapshotID($0) }) {
      if try exists("\(segments)/\(id)/manifest.json") { ids.append(id) }
    }
    return ids
  }

  package func exists(_ file: String) throws(FileFailure) -> Bool { try status(of: file) != nil }

  package func hasFolder(_ folder: String) throws(FileFailure) -> Bool { try status(of: folder) != nil }

  package func size(of file: String) throws(FileFailure) -> Int64? {
    guard let status = try status(of: file) else { return nil }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileFailure("read", file, FileFailure.notRegular) }
    return Int64(status.st_size)
  }

  /// Nil for what is not there, and only for that: of what may not be looked at nobody knows.
  private func status(of file: String) throws(FileFailure) -> stat? {
    var status = stat()
    if stat(file, &status) == 0 { return status }
    guard errno == ENOENT || errno == ENOTDIR else { throw FileFailure("read", file, errno) }
    return nil
  }

  package func open(_ file: String, first: Range<Int64>) throws(FileFailure) -> (any StoredFile)? {
    try FileReading.open(file, in: dataset(of: file)).map { DiskFile($0, file) }
  }

  package func leftovers(
    of layout: DatasetLayout, besides reachable: Reachable, _ body: (Leftover) throws(FileFailure) -> Void
  ) throws(FileFailure) {
    try DiskLeftoverScan(layout: layout, reachable: reachable).forEach(body)
  }

  package func modified(_ file: String) -> Timestamp? { Leftover(.manifest, file)?.modified }

  /// Where no file can be made, nothing can be removed either: this machine's time will do.
  package func now(in folder: String) -> Timestamp { files.now(in: folder) ?? .now() }

  /// Two names of one file, as a commit makes them.
  package func isOne(_ file: String, _ other: String) -> Bool {
    var (left, right) = (stat(), stat())
    guard stat(file, &left) == 0, stat(other, &right) == 0 else { return false }
    return left.st_ino == right.st_ino && left.st_dev == right.st_dev
  }
}

/// An open file, closed with the object.
private final class DiskFile: StoredFile {
  private let descriptor: Int32
  private let path: String

  init(_ descriptor: Int32, _ path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  func size() throws(FileFailure) -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure("read", path, errno) }
    return Int64(status.st_size)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(FileFailure) -> Int {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(position))
      if count >= 0 { return count }
      guard errno == EINTR else { throw FileFailure("read", path, errno) }
    }
  }

  deinit { close(descriptor) }
}

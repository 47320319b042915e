import QuarryCore

/// Where datasets lie: a folder of this machine, or a bucket. Reading only; it never changes anything.
///
/// Places are named in full, as messages show them: `<root>/datasets/…`. Every call blocks its thread, and any number of
/// threads may call at once. What is not there is nil, false or empty, never an error. Nothing
/// is read or listed through a symbolic link.
package protocol DatasetStore: Sendable {
  /// What every place begins with: an absolute path, or `s3://bucket/prefix`. Without a slash at the end.
  var root: String { get }

  /// What tells stores apart whose roots have one name; nil where the root alone is one.
  var origin: String? { get }

  /// The whole of a small file.
  func bytes(_ file: String) throws(FileFailure) -> [UInt8]?

  /// The beginning of a file that ought to be small.
  /// - Returns: no more bytes than `limit` where the store can tell before it has read all of them.
  func bytes(_ file: String, limit: Int) throws(FileFailure) -> [UInt8]?

  /// The same for who looks again and again, and may be told to stop: a store that does not answer is given up soon.
  func glance(_ file: String, limit: Int) throws(FileFailure) -> [UInt8]?

  /// What lies in a folder, files and folders, in no order.
  func names(in folder: String) throws(FileFailure) -> [String]

  /// The ids in a `segments` folder whose manifest is there, in no order.
  func snapshots(in segments: String) throws(FileFailure) -> [SnapshotID]

  /// Those that are greater than one of them, as far as the store can tell without going through all of them.
  func snapshots(in segments: String, above id: SnapshotID) throws(FileFailure) -> [SnapshotID]

  /// Paths of all manifests below the folder of the partitions, in no order; nil where folders have to be gone through for
  /// that.
  func partitionManifests(below partitions: String) throws(FileFailure) -> [String]?

  func exists(_ file: String) throws(FileFailure) -> Bool

  /// Whether a folder is there: one of a bucket is when something lies in it.
  func hasFolder(_ folder: String) throws(FileFailure) -> Bool

  /// Whether a folder holds anything of which the name does not begin with a dot; of a bucket that has very much there, what
  /// comes first is looked at.
  func holdsAnything(_ folder: String) throws(FileFailure) -> Bool

  /// Nil where there is no such folder.
  func times(ofFolder folder: String) throws(FileFailure) -> FolderTimes?

  /// Bytes of a file; what lies under its name and is no file (a folder, a named pipe) is an error.
  func size(of file: String) throws(FileFailure) -> Int64?

  /// Opens a file for reading piece by piece.
  /// - Parameter first: the bytes that will be read first.
  func open(_ file: String, first: Range<Int64>) throws(FileFailure) -> (any StoredFile)?

  /// Calls `body` with everything in a dataset that no snapshot names; folders come after what they hold.
  /// - Parameter reachable: the snapshots that count.
  func leftovers(
    of layout: DatasetLayout, besides reachable: Reachable, _ body: (Leftover) throws(FileFailure) -> Void
  ) throws(FileFailure)

  /// When a file was last changed, by the clock that `now` shows.
  func modified(_ file: String) throws(FileFailure) -> Timestamp?

  /// The time, as the store knows it: only that tells how old a file is.
  /// - Parameter folder: of which it may be asked.
  func now(in folder: String) throws(FileFailure) -> Timestamp

  /// Whether two names are known to be of one file, without reading it.
  func isOne(_ file: String, _ other: String) -> Bool

  /// Whether what failed has to do with one file, and not with the whole store, so that who only reads may go on without it.
  /// May ask the store.
  /// - Parameter other: a file of which the store should be able to say what it is, or that it is not there.
  func isOfOneFile(_ failure: FileFailure, asking other: String) -> Bool
}

extension DatasetStore {
  package func bytes(_ file: String, limit: Int) throws(FileFailure) -> [UInt8]? { try bytes(file) }

  package func glance(_ file: String, limit: Int) throws(FileFailure) -> [UInt8]? { try bytes(file, limit: limit) }

  package var origin: String? { nil }

  package func isOfOneFile(_ failure: FileFailure, asking other: String) -> Bool { failure.isLocal }

  package func snapshots(in segments: String, above id: SnapshotID) throws(FileFailure) -> [SnapshotID] {
    try snapshots(in: segments).filter { $0 > id }
  }

  package func partitionManifests(below partitions: String) -> [String]? { nil }

  package func now(in folder: String) -> Timestamp { .now() }

  package func times(ofFolder folder: String) throws(FileFailure) -> FolderTimes? {
    try hasFolder(folder) ? FolderTimes() : nil
  }

  package func holdsAnything(_ folder: String) throws(FileFailure) -> Bool {
    // A new file system has it.
    try names(in: folder).contains { !$0.hasPrefix(".") && $0 != "lost+found" }
  }

  func open(_ file: String, first: Int64 = 64 << 10) throws(FileFailure) -> (any StoredFile)? {
    try open(file, first: 0..<first)
  }
}

/// A file that is being read. For one thread.
package protocol StoredFile: AnyObject {
  /// Bytes of all of it.
  func size() throws(FileFailure) -> Int64

  /// Reads from a place in the file.
  /// - Returns: how many bytes it put into the buffer, as many as came at once; 0 at the file's end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(FileFailure) -> Int
}

extension StoredFile {
  /// Fills the buffer, unless the file ends before.
  /// - Returns: how many bytes are in it.
  func fill(_ buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(FileFailure) -> Int {
    var filled = 0
    while filled < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = try read(into: rest, at: position + Int64(filled))
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// Up to so many bytes from a place on; fewer where the file ends.
  func bytes(_ count: Int, at position: Int64) throws(FileFailure) -> [UInt8] {
    var failure: FileFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(FileFailure) { filled = try fill(UnsafeMutableRawBufferPointer(buffer), at: position) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}

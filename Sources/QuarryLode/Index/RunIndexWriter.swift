import Glibc
import QuarryCore

/// Writes an index beside where it is to lie, then puts it there in one step. Memory: one block.
///
/// Nothing is made durable: what a loss of power leaves of it fails its check, and is made anew.
final class RunIndexWriter {
  private let path: String
  private let temporary: String
  private let file: Int32
  private var block: [UInt8] = []
  private var sum = IndexChecksum()
  private var written = 0
  private var count: UInt64 = 0

  /// - Parameter temporary: a name in the same folder that is nobody else's.
  init(path: String, temporary: String) throws(FileFailure) {
    self.path = path
    self.temporary = temporary
    file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw FileFailure("create", temporary, errno) }
    block.reserveCapacity(2 * IndexChecksum.blockSize)
    block += RunIndexFile.magic
  }

  deinit {
    close(file)
    // Gone already when it was put in place.
    unlink(temporary)
  }

  func add(_ entry: RunEntry) throws(FileFailure) {
    block.append(contentsOf: entry.bytes)
    count += 1
    if block.count >= IndexChecksum.blockSize { try writeBlocks() }
  }

  /// - Parameter head: the newest snapshot whose runs were added.
  /// - Returns: bytes of the whole file.
  func finish(head: SnapshotID, days: DayFolders) throws(FileFailure) -> Int {
    let start = UInt64(written + block.count)
    for (mark, path) in zip(days.marks, days.paths) { block += "\(mark) \(path)\n".utf8 }
    for number in [head.value, count, start] { withUnsafeBytes(of: number) { block.append(contentsOf: $0) } }
    try writeBlocks()
    block.withUnsafeBytes { sum.add($0) }
    withUnsafeBytes(of: sum.value) { block.append(contentsOf: $0) }
    try write(block.count)
    guard rename(temporary, path) == 0 else { throw FileFailure("rename", path, errno) }
    return written
  }

  private func writeBlocks() throws(FileFailure) {
    while block.count >= IndexChecksum.blockSize {
      block.withUnsafeBytes { sum.add(UnsafeRawBufferPointer(rebasing: $0[..<IndexChecksum.blockSize])) }
      try write(IndexChecksum.blockSize)
    }
  }

  private func write(_ length: Int) throws(FileFailure) {
    var position = 0
    while position < length {
      let count = block.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: position), length - position) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw FileFailure("write", temporary, count == 0 ? ENOSPC : errno) }
      position += count
    }
    block.removeFirst(length)
    written += length
  }
}

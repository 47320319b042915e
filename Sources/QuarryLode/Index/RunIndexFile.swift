import QuarryCore

/// An index as it lies on disk: every run of a dataset as of one snapshot, the newest first.
///
///     magic (16), entries, day folders (each a line), footer: snapshot, count of entries, start of the day folders,
///     checksum of all before it (8 each)
///
/// It is replaced as a whole by rename, so an open one never changes. Memory: one block.
final class RunIndexFile {
  static let magic: [UInt8] = Array("quarry runs 2\n".utf8) + [0, 0]
  static let footerSize = 32

  /// The newest snapshot that it knows of.
  let head: SnapshotID
  let count: Int
  let days: [String]
  private let file: any StoredFile
  private let end: Int64

  /// - Returns: nil when there is no whole one of this version.
  init?(path: String) throws(FileFailure) {
    guard let file = try DiskStore(root: "/").open(path), let footer = try Self.footer(of: file),
      let count = Int(exactly: footer[1]), let end = Int64(exactly: footer[2])
    else { return nil }
    let textLength = try file.size() - Int64(Self.footerSize) - end
    guard end >= Int64(Self.magic.count), textLength >= 0 else { return nil }
    self.file = file
    (self.count, self.end) = (count, end)
    head = SnapshotID(footer[0])
    let text = try file.bytes(Int(textLength), at: end)
    days = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// Whether what it says of its runs can be: its checksum holds, so somebody, or another Quarry, meant it.
  func isSound() -> Bool {
    guard days.allSatisfy({ RunPath("\($0)/run_id=") != nil }) else { return false }
    var (found, isSound, last) = (0, true, SnapshotID(.max))
    do throws(QuarryError) {
      try forEach { entry in
        isSound = entry.isSound(days: days.count) && entry.first <= last
        (found, last) = (found + 1, entry.first)
        return isSound
      }
    } catch { return false }
    return isSound && found == count
  }

  /// Calls `body` with each entry until it returns false.
  func forEach(_ body: (RunEntry) throws(QuarryError) -> Bool) throws(QuarryError) {
    var position = Int64(Self.magic.count)
    var size = IndexChecksum.blockSize
    while position < end {
      let block: [UInt8]
      do { block = try file.bytes(min(size, Int(end - position)), at: position) } catch {
        throw error.described(root: "/")
      }
      let (used, goesOn) = try block.withBytes { bytes throws(QuarryError) in try Self.entries(of: bytes, body) }
      guard goesOn else { return }
      position += Int64(used)
      // An entry longer than a block.
      if used == 0 {
        guard block.count < Int(end - position) else { throw Self.damaged }
        size *= 2
      }
    }
  }

  /// `isSound` tells it before anything relies on it.
  private static let damaged = QuarryError(
    .storage, "the index of runs is not what it says", remedy: "make it anew: quarry lode index --anew")

  /// - Returns: how many bytes its whole entries take, and whether more are wanted.
  private static func entries(
    of bytes: UnsafeRawBufferPointer, _ body: (RunEntry) throws(QuarryError) -> Bool
  ) throws(QuarryError) -> (Int, Bool) {
    var place = 0
    while place + 4 <= bytes.count {
      let length = Int(bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
      guard place + length <= bytes.count else { break }
      let entry = RunEntry(bytes: UnsafeRawBufferPointer(rebasing: bytes[place..<place + length]))
      guard entry.isWhole else { throw damaged }
      place += length
      guard try body(entry) else { return (place, false) }
    }
    return (place, true)
  }

  /// The numbers at the end of a whole file.
  private static func footer(of file: any StoredFile) throws(FileFailure) -> [UInt64]? {
    let size = try file.size()
    guard size >= magic.count + footerSize, try file.bytes(magic.count, at: 0) == magic else { return nil }
    let footer = try file.bytes(footerSize, at: size - Int64(footerSize))
    let numbers = footer.withUnsafeBytes { bytes in
      stride(from: 0, to: bytes.count - 7, by: 8).map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self) }
    }
    guard numbers.count == 4 else { return nil }
    return try checksum(of: file, size - 8) == numbers[3] ? numbers : nil
  }

  private static func checksum(of file: any StoredFile, _ end: Int64) throws(FileFailure) -> UInt64 {
    var sum = IndexChecksum()
    var block = [UInt8](repeating: 0, count: IndexChecksum.blockSize)
    for start in stride(from: 0, to: end, by: IndexChecksum.blockSize) {
      let length = min(block.count, Int(end - start))
      try block.withMutableBytes { bytes throws(FileFailure) in
        let part = UnsafeMutableRawBufferPointer(rebasing: bytes[..<length])
        sum.add(UnsafeRawBufferPointer(rebasing: part[..<(try file.fill(part, at: start))]))
      }
    }
    return sum.value
  }
}

extension [UInt8] {
  /// `withUnsafeMutableBytes` that keeps the type of what is thrown.
  fileprivate mutating func withMutableBytes<Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    let result = withUnsafeMutableBytes { bytes -> Result<Void, Failure> in
      do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
    }
    try result.get()
  }
}

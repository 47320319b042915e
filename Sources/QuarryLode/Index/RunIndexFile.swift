import QuarryCore

/// An index as it lies on disk: every run of a dataset as of one snapshot, the newest first.
///
///     magic (16), entries, day folders (each a line: mark, space, path), footer: snapshot, count of entries, start of the day folders,
///     checksum of all before it (8 each)
///
/// It is replaced as a whole by rename, so an open one never changes. Memory: one block.
final class RunIndexFile {
  static let magic: [UInt8] = Array("quarry runs 3\n".utf8) + [0, 0]
  static let footerSize = 32

  /// The newest snapshot that it knows of.
  let head: SnapshotID
  let count: Int
  let days: [(mark: Int64, path: String)]
  private let file: any StoredFile
  private let end: Int64
  /// Of all before it.
  private let checksum: UInt64

  /// - Returns: nil when there is none of this version. What it says is looked at by `condition`.
  init?(path: String) throws(FileFailure) {
    guard let file = try DiskStore(root: "/").open(path), let footer = try Self.footer(of: file),
      let count = Int(exactly: footer[1]), let end = Int64(exactly: footer[2])
    else { return nil }
    let textLength = try file.size() - Int64(Self.footerSize) - end
    guard end >= Int64(Self.magic.count), textLength >= 0 else { return nil }
    self.file = file
    (self.count, self.end, checksum) = (count, end, footer[3])
    head = SnapshotID(footer[0])
    let text = try file.bytes(Int(textLength), at: end)
    days = String(decoding: text, as: UTF8.self).split(separator: "\n").map { line in
      let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      return (Int64(parts[0]) ?? 0, parts.count == 2 ? String(parts[1]) : "")
    }
  }

  enum Condition {
    case sound
    /// Its checksum does not hold: an accident.
    case damaged
    /// Its checksum holds, so somebody, or another Quarry, meant what cannot be.
    case senseless
  }

  /// Reads all of it, once; nothing else is to be asked of one that is not sound.
  func condition() -> Condition {
    var sum = IndexChecksum()
    Self.magic.withUnsafeBytes { sum.add($0) }
    var summed = Int64(Self.magic.count)
    // One that cannot be read is damaged too.
    let isSound = try? isSound { bytes in
      sum.add(bytes)
      summed += Int64(bytes.count)
    }
    guard (try? add(from: summed, to: &sum)) != nil, sum.value == checksum else { return .damaged }
    return isSound == true ? .sound : .senseless
  }

  /// Whether what it says of its runs can be.
  /// - Parameter block: as of `forEach`.
  private func isSound(block: (UnsafeRawBufferPointer) -> Void) throws(QuarryError) -> Bool {
    guard days.allSatisfy({ RunPath("\($0.path)/run_id=") != nil }) else { return false }
    var (found, isSound, last) = (0, true, SnapshotID(.max))
    try forEach(block: block) { entry in
      isSound = entry.isSound(days: days.count) && entry.first <= last
      (found, last) = (found + 1, entry.first)
      return isSound
    }
    return isSound && found == count
  }

  /// Calls `body` with each entry until it returns false.
  /// - Parameter block: called with the bytes of many entries, none twice, after them.
  func forEach(
    block visit: (UnsafeRawBufferPointer) -> Void = { _ in }, _ body: (RunEntry) throws(QuarryError) -> Bool
  ) throws(QuarryError) {
    var position = Int64(Self.magic.count)
    var size = IndexChecksum.blockSize
    while position < end {
      let block: [UInt8]
      do { block = try file.bytes(min(size, Int(end - position)), at: position) } catch {
        throw error.described(root: "/")
      }
      let (used, goesOn) = try block.withBytes { bytes throws(QuarryError) in
        let (used, goesOn) = try Self.entries(of: bytes, body)
        visit(UnsafeRawBufferPointer(rebasing: bytes[..<used]))
        return (used, goesOn)
      }
      guard goesOn else { return }
      position += Int64(used)
      // An entry longer than a block.
      if used == 0 {
        guard block.count < Int(end - position) else { throw Self.damaged }
        size *= 2
      }
    }
  }

  /// `condition` tells it before anything relies on it.
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
    return numbers.count == 4 ? numbers : nil
  }

  /// What lies before the checksum itself.
  private func add(from start: Int64, to sum: inout IndexChecksum) throws(QuarryError) {
    do throws(FileFailure) {
      let end = try file.size() - 8
      for place in stride(from: start, to: end, by: IndexChecksum.blockSize) {
        let block = try file.bytes(min(IndexChecksum.blockSize, Int(end - place)), at: place)
        block.withUnsafeBytes { sum.add($0) }
      }
    } catch { throw error.described(root: "/") }
  }
}

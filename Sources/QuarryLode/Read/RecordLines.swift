import Glibc

/// Reads the lines of a data file, compressed or not, one after the other. Memory is bounded by the longest line, and that
/// by `limit`.
struct RecordLines {
  /// Bytes. The format's lines are shorter than 10 MiB; what is far beyond is damage, be it a file without a newline, or
  /// one that decompresses without end.
  static let limit = 64 << 20

  let store: any DatasetStore
  let path: String
  private let found: (Int64) -> Void

  /// - Parameter found: told how many bytes the file has as it is stored, when it is opened.
  init(_ store: any DatasetStore, _ path: String, found: @escaping (Int64) -> Void = { _ in }) {
    self.store = store
    self.path = path
    self.found = found
  }

  /// Calls `body` with each line, without its newline, until it returns false. Empty lines are passed over.
  /// - Returns: false when there is no such file.
  @discardableResult
  func forEach(_ body: (UnsafeRawBufferPointer) -> Bool) throws(FileFailure) -> Bool {
    try forEachPlaced { line, _ in body(line) }
  }

  /// The same, with the place of each line's first byte among those of the file, as they are when it is not compressed.
  @discardableResult
  func forEachPlaced(
    _ body: (_ line: UnsafeRawBufferPointer, _ place: Int64) -> Bool
  ) throws(FileFailure) -> Bool {
    guard let file = try open() else { return false }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var start = 0
    var end = 0
    /// Of the buffer's first byte in the file.
    var base: Int64 = 0
    while true {
      // Bytes before this were looked at already.
      var searched = end
      if start > 0 {
        buffer.withUnsafeMutableBytes { bytes in
          guard let base = bytes.baseAddress else { return }
          memmove(base, base + start, end - start)
        }
        base += Int64(start)
        end -= start
        searched -= start
        start = 0
      }
      if end == buffer.count {
        guard end < Self.limit else { throw overlong(at: base) }
        buffer += repeatElement(0, count: buffer.count)
      }
      let count = try buffer.withMutableBytes { bytes throws(FileFailure) in
        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[end...]), at: base + Int64(end))
      }
      if count == 0 {
        if start < end { _ = line(buffer, start..<end, base, body) }
        return true
      }
      end += count
      while let newline = Self.newline(in: buffer, searched..<end) {
        if !line(buffer, start..<newline, base, body) { return true }
        start = newline + 1
        searched = start
      }
    }
  }

  /// The first line that is wanted; nil when the file is missing, or has none.
  func first(where isWanted: (UnsafeRawBufferPointer) -> Bool = { _ in true }) throws(FileFailure) -> [UInt8]? {
    var found: [UInt8]?
    try forEach { line in
      if isWanted(line) { found = Array(line) }
      return found == nil
    }
    return found
  }

  /// The last line, read from the file's end unless it is compressed; nil when the file is missing or empty.
  func last() throws(FileFailure) -> [UInt8]? {
    guard let file = try open() else { return nil }
    guard let size = try file.size() else { return try lastOfAll() }
    var start = size
    var tail: [UInt8] = []
    while start > 0, !tail.dropLast().contains(UInt8(ascii: "\n")) {
      guard tail.count < Self.limit else { throw overlong(at: start) }
      let length = min(start, 16 << 10)
      start -= length
      let block = try file.bytes(Int(length), at: start)
      guard block.count == length else { throw FileFailure("read", path, EIO) }
      tail = block + tail
    }
    if tail.last == UInt8(ascii: "\n") { tail.removeLast() }
    let line = tail.lastIndex(of: UInt8(ascii: "\n")).map { tail[($0 + 1)...] } ?? tail[...]
    return line.isEmpty ? nil : Array(line)
  }

  private func lastOfAll() throws(FileFailure) -> [UInt8]? {
    var last: [UInt8]?
    try forEach { line in
      last = Array(line)
      return true
    }
    return last
  }

  private func open() throws(FileFailure) -> DataFile? {
    guard let file = try DataFile.open(path, in: store) else { return nil }
    found(try file.storedSize())
    return file
  }

  private func overlong(at place: Int64) -> FileFailure {
    FileFailure("read", path, .damage("at byte \(place) there is a line of more than \(Self.limit >> 20) MiB"))
  }

  private func line(
    _ buffer: [UInt8], _ range: Range<Int>, _ base: Int64,
    _ body: (UnsafeRawBufferPointer, Int64) -> Bool
  ) -> Bool {
    guard !range.isEmpty else { return true }
    return buffer.withUnsafeBytes { bytes in
      body(UnsafeRawBufferPointer(rebasing: bytes[range]), base + Int64(range.lowerBound))
    }
  }

  private static func newline(in buffer: [UInt8], _ range: Range<Int>) -> Int? {
    buffer.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, let found = memchr(base + range.lowerBound, 0x0A, range.count) else {
        return nil
      }
      return UnsafeRawPointer(found) - base
    }
  }
}

import Glibc
import QuarryCore

/// Reads the lines of a data file one after the other; a line may have any length, memory is bounded by the longest.
struct RecordLines {
  let store: any DatasetStore
  let path: String

  init(_ store: any DatasetStore, _ path: String) {
    self.store = store
    self.path = path
  }

  /// Calls `body` with each line, without its newline, until it returns false. Empty lines are passed over.
  /// - Returns: false when there is no such file.
  @discardableResult
  func forEach(_ body: (UnsafeRawBufferPointer) throws(QuarryError) -> Bool) throws(QuarryError) -> Bool {
    try forEachPlaced { line, _ throws(QuarryError) in try body(line) }
  }

  /// The same, with the place of each line's first byte in the file.
  @discardableResult
  func forEachPlaced(
    _ body: (_ line: UnsafeRawBufferPointer, _ place: Int64) throws(QuarryError) -> Bool
  ) throws(QuarryError) -> Bool {
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
      if end == buffer.count { buffer += repeatElement(0, count: buffer.count) }
      let count = try read(file, into: &buffer, from: end, at: base + Int64(end))
      if count == 0 {
        if start < end { _ = try line(buffer, start..<end, base, body) }
        return true
      }
      end += count
      while let newline = Self.newline(in: buffer, searched..<end) {
        if try !line(buffer, start..<newline, base, body) { return true }
        start = newline + 1
        searched = start
      }
    }
  }

  /// The first line; nil when the file is missing or empty.
  func first() throws(QuarryError) -> [UInt8]? {
    var found: [UInt8]?
    try forEach { line throws(QuarryError) in
      found = Array(line)
      return false
    }
    return found
  }

  /// The last line, read from the file's end; nil when the file is missing or empty.
  func last() throws(QuarryError) -> [UInt8]? {
    guard let file = try open() else { return nil }
    var start = try described { () throws(FileFailure) in try file.size() }
    var tail: [UInt8] = []
    while start > 0, !tail.dropLast().contains(UInt8(ascii: "\n")) {
      let length = min(start, 16 << 10)
      start -= length
      let block = try described { () throws(FileFailure) in
        let block = try file.bytes(Int(length), at: start)
        guard block.count == length else { throw FileFailure("read", path, EIO) }
        return block
      }
      tail = block + tail
    }
    if tail.last == UInt8(ascii: "\n") { tail.removeLast() }
    let line = tail.lastIndex(of: UInt8(ascii: "\n")).map { tail[($0 + 1)...] } ?? tail[...]
    return line.isEmpty ? nil : Array(line)
  }

  private func open() throws(QuarryError) -> (any StoredFile)? {
    try described { () throws(FileFailure) in try store.open(path) }
  }

  private func read(
    _ file: any StoredFile, into buffer: inout [UInt8], from end: Int, at position: Int64
  ) throws(QuarryError) -> Int {
    try buffer.withUnsafeMutableBytes { bytes in
      Result { () throws(FileFailure) in
        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[end...]), at: position)
      }
    }.mapError { $0.described(root: store.root) }.get()
  }

  private func described<Value>(_ work: () throws(FileFailure) -> Value) throws(QuarryError) -> Value {
    do { return try work() } catch { throw error.described(root: store.root) }
  }

  private func line(
    _ buffer: [UInt8], _ range: Range<Int>, _ base: Int64,
    _ body: (UnsafeRawBufferPointer, Int64) throws(QuarryError) -> Bool
  ) throws(QuarryError) -> Bool {
    guard !range.isEmpty else { return true }
    return try buffer.withBytes { bytes throws(QuarryError) in
      try body(UnsafeRawBufferPointer(rebasing: bytes[range]), base + Int64(range.lowerBound))
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

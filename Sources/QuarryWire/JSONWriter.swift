import QuarryCore

/// Writes JSON text at the end of a byte array, through a block on the stack so that no byte costs an array access.
package struct JSONWriter: ~Copyable {
  /// Longest run that goes through the block; longer ones are appended to the array at once.
  private static let longestCopied = 256
  /// What Swift still gives from the stack.
  private static let blockSize = 1024

  private var out: [UInt8] = []
  private let limit: Int
  private let block: UnsafeMutableRawBufferPointer
  private var used = 0

  private init(limit: Int, block: UnsafeMutableRawBufferPointer) {
    self.limit = limit
    self.block = block
  }

  /// Lends a writer that appends to `out`. After a throw `out` may hold part of the text.
  /// - Parameter limit: what `out` may hold in the end, in bytes.
  /// - Throws: `.tooLong` soon after the limit is passed, and whatever `body` throws.
  package static func append(
    to out: inout [UInt8], limit: Int = .max, _ body: (inout JSONWriter) throws(WireError) -> Void
  ) throws(WireError) {
    let result = withUnsafeTemporaryAllocation(byteCount: blockSize, alignment: 16) {
      block -> Result<Void, WireError> in
      var writer = JSONWriter(limit: limit, block: block)
      // Moved into the writer and back: the array stays uniquely owned, so nothing is copied.
      swap(&out, &writer.out)
      defer { swap(&out, &writer.out) }
      do throws(WireError) {
        try body(&writer)
        try writer.flush()
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  private mutating func flush() throws(WireError) {
    out.append(contentsOf: UnsafeRawBufferPointer(rebasing: block[..<used]))
    used = 0
    guard out.count <= limit else { throw WireError(.tooLong, "the JSON text is longer than its limit") }
  }

  /// Room for `count` bytes in the block, at most its size.
  @inline(__always)
  private mutating func reserve(_ count: Int) throws(WireError) {
    if used + count > block.count { try flush() }
  }

  /// Writes a number's bytes into room that was reserved, without moving on.
  @inline(__always)
  private func put<Word: FixedWidthInteger & BitwiseCopyable>(_ word: Word, at index: Int) {
    block.storeBytes(of: word, toByteOffset: index, as: Word.self)
  }

  // MARK: Text as it is

  @inline(__always)
  package mutating func byte(_ byte: UInt8) throws(WireError) {
    try reserve(1)
    put(byte, at: used)
    used += 1
  }

  /// Appends text that is JSON already.
  package mutating func raw(_ text: StaticString) throws(WireError) {
    try raw(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always)
  package mutating func raw(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    guard bytes.count <= Self.longestCopied else { return try rawLong(bytes) }
    try reserve(bytes.count)
    UnsafeMutableRawBufferPointer(rebasing: block[used...]).copyMemory(from: bytes)
    used += bytes.count
  }

  package mutating func raw(_ text: [UInt8]) throws(WireError) {
    let result = text.withUnsafeBytes { bytes -> Result<Void, WireError> in
      do throws(WireError) { return .success(try raw(bytes)) } catch { return .failure(error) }
    }
    try result.get()
  }

  private mutating func rawLong(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    try flush()
    guard out.count + bytes.count <= limit else { throw WireError(.tooLong, "the JSON text is longer than its limit") }
    out.append(contentsOf: bytes)
  }

  // MARK: Values

  package mutating func bool(_ value: Bool) throws(WireError) { try raw(value ? "true" : "false") }

  package mutating func integer(_ value: Int64) throws(WireError) {
    try reserve(20)
    if value < 0 { try byte(UInt8(ascii: "-")) }
    try unsigned(value.magnitude)
  }

  package mutating func unsigned(_ value: UInt64) throws(WireError) {
    try reserve(20)
    var digits = 1
    var power: UInt64 = 10
    while value >= power {
      digits += 1
      let (next, overflow) = power.multipliedReportingOverflow(by: 10)
      if overflow { break }
      power = next
    }
    var rest = value
    for index in stride(from: used + digits - 1, through: used, by: -1) {
      put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10), at: index)
      rest /= 10
    }
    used += digits
  }

  /// The shortest text that reads back as the same number; whole numbers have no `.0`.
  /// - Throws: `.notFinite`.
  package mutating func double(_ value: Double) throws(WireError) {
    guard value.isFinite else { throw WireError(.notFinite, "\(value) has no form in JSON") }
    if let whole = Int64(exactly: value) { return try integer(whole) }
    try withBytes(of: value.description) { writer, bytes throws(WireError) in try writer.raw(bytes) }
  }

  package mutating func string(_ value: String) throws(WireError) {
    try withBytes(of: value) { writer, bytes throws(WireError) in try writer.string(bytes) }
  }

  private mutating func withBytes(
    of text: String, _ body: (inout JSONWriter, UnsafeRawBufferPointer) throws(WireError) -> Void
  ) throws(WireError) {
    var copy = text
    // A `Result`, because `withUTF8` forgets the type of what is thrown.
    let result = copy.withUTF8 { bytes -> Result<Void, WireError> in
      do throws(WireError) {
        return .success(try body(&self, UnsafeRawBufferPointer(bytes)))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Appends bytes as a JSON string with its quotes; U+FFFD stands for what is not UTF-8.
  package mutating func string(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    guard bytes.count <= Self.longestCopied else { return try escaped(bytes) }
    try reserve(bytes.count + 2)
    guard copyPlain(bytes, to: used + 1) else { return try escaped(bytes) }
    put(UInt8(ascii: "\""), at: used)
    put(UInt8(ascii: "\""), at: used + bytes.count + 1)
    used += bytes.count + 2
  }

  /// Copies as it looks, word by word; the last word overlaps the one before it.
  /// - Returns: false when something has to be escaped or checked; then what was written is void.
  @inline(__always)
  private func copyPlain(_ bytes: UnsafeRawBufferPointer, to start: Int) -> Bool {
    let count = bytes.count
    guard count >= 8 else { return copyShort(bytes, to: start) }
    var index = 0
    while index < count {
      index = min(index, count - 8)
      let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      guard PlainText.isPlain(word) else { return false }
      put(word, at: start + index)
      index += 8
    }
    return true
  }

  @inline(__always)
  private func copyShort(_ bytes: UnsafeRawBufferPointer, to start: Int) -> Bool {
    switch bytes.count {
    case 0: return true
    case 1:
      put(bytes[0], at: start)
      return PlainText.isPlain(bytes[0])
    case 2...3: return copyEnds(bytes, to: start, UInt16.self)
    default: return copyEnds(bytes, to: start, UInt32.self)
    }
  }

  @inline(__always)
  private func copyEnds<Half: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, to start: Int, _: Half.Type
  ) -> Bool {
    let last = bytes.count - MemoryLayout<Half>.size
    let (low, high) = (bytes.loadUnaligned(as: Half.self), bytes.loadUnaligned(fromByteOffset: last, as: Half.self))
    put(low, at: start)
    put(high, at: start + last)
    return PlainText.isPlain(low, high)
  }

  private mutating func escaped(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    try byte(UInt8(ascii: "\""))
    var start = 0
    var index = 0
    while true {
      index = PlainText.end(in: bytes, from: index)
      guard index < bytes.count else { break }
      let sequence = UTF8Sequence(in: bytes, at: index)
      if sequence.isValid, bytes[index] >= 0x80 {
        index += sequence.length
        continue
      }
      try raw(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
      if sequence.isValid { try escape(bytes[index]) } else { try raw("\u{FFFD}") }
      index += sequence.length
      start = index
    }
    try raw(UnsafeRawBufferPointer(rebasing: bytes[start...]))
    try byte(UInt8(ascii: "\""))
  }

  private mutating func escape(_ byte: UInt8) throws(WireError) {
    switch byte {
    case UInt8(ascii: "\""): try raw("\\\"")
    case UInt8(ascii: "\\"): try raw("\\\\")
    case UInt8(ascii: "\n"): try raw("\\n")
    case UInt8(ascii: "\r"): try raw("\\r")
    case UInt8(ascii: "\t"): try raw("\\t")
    default:
      try raw("\\u00")
      try self.byte(Self.hexDigit(byte >> 4))
      try self.byte(Self.hexDigit(byte & 15))
    }
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  /// Appends bytes as standard base64 with padding, in quotes.
  package mutating func base64(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    try byte(UInt8(ascii: "\""))
    try flush()
    guard out.count + Base64.encodedCount(bytes.count) <= limit else {
      throw WireError(.tooLong, "the JSON text is longer than its limit")
    }
    Base64.append(bytes, to: &out)
    try byte(UInt8(ascii: "\""))
  }
}

import QuarryCore

/// Writes JSON text at the end of a byte array, through a block on the stack so that no byte costs an array access.
package struct JSONWriter: ~Copyable {
  /// Longest string that is looked through and copied at once, and longest text that the block is emptied for.
  private static let longestCopied = 256
  /// What Swift still gives from the stack.
  private static let blockSize = 1024

  private var out: [UInt8] = []
  /// Nil when the text may not leave the block.
  private let limit: Int?
  var block: TextBlock

  private init(limit: Int?, block: TextBlock) {
    self.limit = limit
    self.block = block
  }

  /// Lends a writer that appends to a block, and does not leave it. After a throw the block may hold part of the text.
  /// - Throws: `.tooLong` when the text does not fit, and whatever `body` throws.
  @inline(__always)
  package static func fill(
    _ block: inout TextBlock, _ body: (inout JSONWriter) throws(WireError) -> Void
  ) throws(WireError) {
    var writer = JSONWriter(limit: nil, block: block)
    defer { block = writer.block }
    try body(&writer)
  }

  /// Lends a writer that appends to `out`. After a throw `out` may hold part of the text.
  /// - Parameter limit: what `out` may hold in the end, in bytes.
  /// - Throws: `.tooLong` soon after the limit is passed, and whatever `body` throws.
  package static func append(
    to out: inout [UInt8], limit: Int = .max, _ body: (inout JSONWriter) throws(WireError) -> Void
  ) throws(WireError) {
    let result = withUnsafeTemporaryAllocation(byteCount: blockSize, alignment: 16) {
      memory -> Result<Void, WireError> in
      var writer = JSONWriter(limit: limit, block: TextBlock(memory))
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
    guard let limit else { throw Self.tooLong }
    out.append(contentsOf: block.written)
    block.removeAll()
    guard out.count <= limit else { throw Self.tooLong }
  }

  /// Leaves the block empty, and sees to it that the array may take `count` bytes more.
  private mutating func makeWay(for count: Int) throws(WireError) {
    try flush()
    guard let limit, out.count + count <= limit else { throw Self.tooLong }
  }

  private static let tooLong = WireError(.tooLong, "the JSON text is longer than its limit")

  /// Room for `count` bytes in the block, at most its size.
  @inline(__always)
  mutating func reserve(_ count: Int) throws(WireError) {
    if !block.hasRoom(for: count) { try flush() }
  }

  // MARK: Text as it is

  @inline(__always)
  package mutating func byte(_ byte: UInt8) throws(WireError) {
    try reserve(1)
    block.append(byte)
  }

  /// Appends text that is JSON already.
  @inline(__always)
  package mutating func raw(_ text: StaticString) throws(WireError) {
    try raw(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always)
  package mutating func raw(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    guard block.hasRoom(for: bytes.count) else { return try rawLong(bytes) }
    block.append(bytes)
  }

  package mutating func raw(_ text: [UInt8]) throws(WireError) {
    try text.withUnsafeBufferPointer { bytes throws(WireError) in try raw(UnsafeRawBufferPointer(bytes)) }
  }

  private mutating func rawLong(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    try makeWay(for: bytes.count)
    if bytes.count <= Self.longestCopied { block.append(bytes) } else { out.append(contentsOf: bytes) }
  }

  // MARK: Values

  package mutating func bool(_ value: Bool) throws(WireError) { try raw(value ? "true" : "false") }

  package mutating func integer(_ value: Int64) throws(WireError) {
    if value < 0 { try byte(UInt8(ascii: "-")) }
    try unsigned(value.magnitude)
  }

  package mutating func unsigned(_ value: UInt64) throws(WireError) {
    try reserve(TextBlock.integerLength)
    block.append(decimal: value)
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
  /// - Parameter slack: bytes behind them that may be read; with some, short strings are written faster.
  package mutating func string(_ bytes: UnsafeRawBufferPointer, slack: Int = 0) throws(WireError) {
    let count = bytes.count
    guard let start = bytes.baseAddress, count <= Self.longestCopied else { return try escaped(bytes) }
    try reserve(TextBlock.stringLength(count))
    if !block.appendPlain(start, count: count, slack: slack) { try escaped(bytes) }
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
    try makeWay(for: Base64.encodedCount(bytes.count))
    Base64.append(bytes, to: &out)
    try byte(UInt8(ascii: "\""))
  }
}

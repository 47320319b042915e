import QuarryCore

/// Writes JSON text at the end of a byte array, through a small block on the stack so that single bytes cost no
/// array access.
package struct JSONWriter: ~Copyable {
  /// Longest run that goes through the block; longer ones are appended to the array at once.
  private static let longestCopied = 256
  private static let blockSize = 1024

  private var out: [UInt8] = []
  private let limit: Int
  private let block: UnsafeMutableBufferPointer<UInt8>
  private var used = 0

  private init(limit: Int, block: UnsafeMutableBufferPointer<UInt8>) {
    self.limit = limit
    self.block = block
  }

  /// Lends a writer that appends to `out`. After a throw `out` may hold part of the text.
  /// - Parameter limit: what `out` may hold in the end, in bytes.
  /// - Throws: `.tooLong` soon after the limit is passed, and whatever `body` throws.
  package static func append(
    to out: inout [UInt8], limit: Int = .max, _ body: (inout JSONWriter) throws(WireError) -> Void
  ) throws(WireError) {
    let result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: blockSize) {
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
    out.append(contentsOf: UnsafeBufferPointer(rebasing: block[..<used]))
    used = 0
    guard out.count <= limit else { throw WireError(.tooLong, "the JSON text is longer than its limit") }
  }

  /// Room for `count` bytes in the block, at most its size.
  @inline(__always)
  private mutating func reserve(_ count: Int) throws(WireError) {
    if used + count > block.count { try flush() }
  }

  // MARK: Text as it is

  @inline(__always)
  package mutating func byte(_ byte: UInt8) throws(WireError) {
    try reserve(1)
    block[used] = byte
    used += 1
  }

  /// Appends text that is JSON already.
  @inline(__always)
  package mutating func raw(_ text: StaticString) throws(WireError) {
    try raw(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always)
  package mutating func raw(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    guard bytes.count <= Self.longestCopied else { return try rawLong(bytes) }
    try reserve(bytes.count)
    UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: block[used...])).copyMemory(from: bytes)
    used += bytes.count
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
    if value < 0 { block[used] = UInt8(ascii: "-") }
    used += value < 0 ? 1 : 0
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
      block[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
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

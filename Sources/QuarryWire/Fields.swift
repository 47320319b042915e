import Glibc
import QuarryCore

/// A string of a frame, as a view into it: valid as long as the frame, and not checked for being UTF-8.
package struct WireText {
  package let bytes: UnsafeRawBufferPointer

  package var isEmpty: Bool { bytes.isEmpty }

  /// A copy, with U+FFFD where the bytes are not UTF-8.
  package var string: String { String(decoding: bytes, as: UTF8.self) }

  /// A copy, or nil where the bytes are not UTF-8.
  package var validated: String? { String(validating: bytes, as: UTF8.self) }

  @inline(__always)
  package static func == (left: WireText, right: StaticString) -> Bool {
    guard let start = left.bytes.baseAddress, left.bytes.count == right.utf8CodeUnitCount else { return false }
    return haveEqualBytes(start, right.utf8Start, right.utf8CodeUnitCount)
  }

  @inline(__always)
  package static func == (left: WireText, right: [UInt8]) -> Bool {
    guard let start = left.bytes.baseAddress, left.bytes.count == right.count else { return false }
    return right.withUnsafeBufferPointer { right in
      right.baseAddress.map { haveEqualBytes(start, $0, right.count) } ?? true
    }
  }

  /// Names are short, and there are a dozen in each frame: two overlapping words are compared without a call.
  @inline(__always)
  static func haveEqualBytes(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
    switch count {
    case 0: true
    case 1: left.load(as: UInt8.self) == right.load(as: UInt8.self)
    case 2...3: haveEqualEnds(left, right, count, UInt16.self)
    case 4...7: haveEqualEnds(left, right, count, UInt32.self)
    case 8...16: haveEqualEnds(left, right, count, UInt64.self)
    default: memcmp(left, right, count) == 0
    }
  }

  @inline(__always)
  private static func haveEqualEnds<Word: FixedWidthInteger & BitwiseCopyable>(
    _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int, _: Word.Type
  ) -> Bool {
    let last = count &- MemoryLayout<Word>.size
    return left.loadUnaligned(as: Word.self) == right.loadUnaligned(as: Word.self)
      && left.loadUnaligned(fromByteOffset: last, as: Word.self)
        == right.loadUnaligned(fromByteOffset: last, as: Word.self)
  }
}

/// The value of one key of a map: MessagePack that was checked to its last byte.
package struct WireField {
  /// For messages.
  let name: StaticString
  /// Nil when the key is missing or its value is nil: both mean "absent".
  let value: UnsafeRawBufferPointer?

  package init(_ name: StaticString, _ value: UnsafeRawBufferPointer?) {
    self.name = name
    self.value = value.flatMap { $0.count == 1 && $0[0] == 0xC0 ? nil : $0 }
  }

  @inline(__always)
  private func head() throws(WireError) -> MessagePackReader.Head {
    guard let value else { throw WireError(.undecodable, "'\(name)' is missing") }
    var reader = MessagePackReader(value)
    return try reader.next()
  }

  private func wrong(_ wanted: StaticString) -> WireError { WireError(.undecodable, "'\(name)' is not \(wanted)") }

  @inline(__always)
  package func text() throws(WireError) -> WireText {
    guard case .string(let bytes) = try head() else { throw wrong("a string") }
    return WireText(bytes: bytes)
  }

  @inline(__always)
  package func optionalText() throws(WireError) -> WireText? {
    value == nil ? nil : try text()
  }

  /// Any integer width; a whole float counts too, because some encoders write large integers so.
  @inline(__always)
  package func integer() throws(WireError) -> Int64 {
    switch try head() {
    case .integer(let value): return value
    case .double(let value):
      guard let whole = Int64(exactly: value) else { throw wrong("an integer") }
      return whole
    default: throw wrong("an integer")
    }
  }

  @inline(__always)
  package func optionalInteger() throws(WireError) -> Int64? {
    value == nil ? nil : try integer()
  }

  /// An integer or a float, which may be none that is finite.
  package func optionalNumber() throws(WireError) -> Double? {
    guard value != nil else { return nil }
    switch try head() {
    case .integer(let value): return Double(value)
    case .unsigned(let value): return Double(value)
    case .double(let value): return value
    default: throw wrong("a number")
    }
  }

  package func bool() throws(WireError) -> Bool {
    guard case .bool(let value) = try head() else { throw wrong("a boolean") }
    return value
  }

  package func binary() throws(WireError) -> UnsafeRawBufferPointer {
    guard case .binary(let bytes) = try head() else { throw wrong("binary") }
    return bytes
  }

  /// The bytes of a value that is a map.
  @inline(__always)
  package func map() throws(WireError) -> UnsafeRawBufferPointer {
    guard case .map = try head(), let value else { throw wrong("a map") }
    return value
  }

  package func optionalMap() throws(WireError) -> UnsafeRawBufferPointer? {
    value == nil ? nil : try map()
  }

  /// The bytes of each element of an array; none when the key is absent.
  package func elements() throws(WireError) -> [UnsafeRawBufferPointer] {
    guard let value else { return [] }
    var reader = MessagePackReader(value)
    guard case .array(let count) = try reader.next() else { throw wrong("an array") }
    var elements: [UnsafeRawBufferPointer] = []
    for _ in 0..<count { elements.append(try reader.skip()) }
    return elements
  }
}

/// A map whose keys are strings, walked entry by entry.
package enum WireMap {
  /// Calls `body` with each key and the bytes of its checked value.
  /// - Throws: `.undecodable` for what is not a map, a key that is not a string, or bytes after the map.
  @inline(__always)
  package static func forEach(
    in bytes: UnsafeRawBufferPointer, _ body: (WireText, UnsafeRawBufferPointer) throws(WireError) -> Void
  ) throws(WireError) {
    var reader = MessagePackReader(bytes)
    guard case .map(let count) = try reader.next() else { throw WireError(.undecodable, "not a MessagePack map") }
    for _ in 0..<count {
      try body(WireText(bytes: try reader.nextKey()), try reader.skip())
    }
    guard reader.isAtEnd else { throw WireError(.undecodable, "bytes follow the map") }
  }

  /// The value of one key; its last one if it comes twice.
  package static func value(
    of name: StaticString, in bytes: UnsafeRawBufferPointer
  ) throws(WireError) -> UnsafeRawBufferPointer? {
    var found: UnsafeRawBufferPointer?
    try forEach(in: bytes) { key, value throws(WireError) in if key == name { found = value } }
    return found
  }
}

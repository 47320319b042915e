/// Walks MessagePack in place. It never reads outside its bytes, and what it hands out are views into them.
package struct MessagePackReader {
  /// Deeper nesting is refused: record lines wrap a payload once more and must stay readable by `JSONParser`.
  package static let maximumDepth = 500

  /// What stands at the front: the head of a value, its length checked against the bytes that are there.
  package enum Head {
    case null
    case bool(Bool)
    case integer(Int64)
    /// Above `Int64.max`.
    case unsigned(UInt64)
    case double(Double)
    /// Not checked for being UTF-8.
    case string(UnsafeRawBufferPointer)
    case binary(UnsafeRawBufferPointer)
    case array(count: Int)
    /// `count` keys, each followed by its value.
    case map(count: Int)
    case `extension`(type: Int8, UnsafeRawBufferPointer)
  }

  /// The next byte, where there is one.
  var place: UnsafeRawPointer
  let end: UnsafeRawPointer
  private let start: UnsafeRawPointer

  package init(_ bytes: UnsafeRawBufferPointer) {
    // Of no bytes any place is the end.
    start = bytes.baseAddress ?? UnsafeRawPointer(StaticString("").utf8Start)
    place = start
    end = start + bytes.count
  }

  package var position: Int { place - start }

  package var isAtEnd: Bool { place == end }

  /// Bytes that are not read yet.
  @inline(__always)
  var remaining: Int { end - place }

  /// All that is not read yet.
  var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: place, count: remaining) }

  /// The next byte, which stays where it is; nil at the end.
  @inline(__always)
  var front: UInt8? { place < end ? place.load(as: UInt8.self) : nil }

  /// Steps over bytes.
  /// - Returns: where they begin; nil when there are not as many; then nothing has moved.
  @inline(__always)
  mutating func pass(_ count: Int) -> UnsafeRawPointer? {
    guard count <= remaining else { return nil }
    defer { place += count }
    return place
  }

  /// Reads the head of the next value; for strings, binaries and extensions that is the whole value.
  @inline(__always)
  package mutating func next() throws(WireError) -> Head {
    let byte = try take(UInt8.self)
    switch byte {
    case 0x00...0x7f: return .integer(Int64(byte))
    case 0x80...0x8f: return .map(count: try count(Int(byte & 0x0f), bytesEach: 2))
    case 0x90...0x9f: return .array(count: try count(Int(byte & 0x0f), bytesEach: 1))
    case 0xa0...0xbf: return .string(try view(Int(byte & 0x1f)))
    case 0xd9: return .string(try view(Int(try take(UInt8.self))))
    case 0xe0...0xff: return .integer(Int64(Int8(bitPattern: byte)))
    default: return try wide(byte)
    }
  }

  /// - Throws: `.undecodable` for what is not a string.
  @inline(__always)
  mutating func nextKey() throws(WireError) -> UnsafeRawBufferPointer {
    if let key = nextShortString() { return key.bytes }
    guard case .string(let key) = try next() else {
      throw WireError(.undecodable, "a map has a key that is not a string")
    }
    return key
  }

  private mutating func wide(_ byte: UInt8) throws(WireError) -> Head {
    switch byte {
    case 0xc0: return .null
    case 0xc2: return .bool(false)
    case 0xc3: return .bool(true)
    case 0xc4: return .binary(try view(Int(try take(UInt8.self))))
    case 0xc5: return .binary(try view(Int(try take(UInt16.self))))
    case 0xc6: return .binary(try view(Int(try take(UInt32.self))))
    case 0xc7: return try ext(Int(try take(UInt8.self)))
    case 0xc8: return try ext(Int(try take(UInt16.self)))
    case 0xc9: return try ext(Int(try take(UInt32.self)))
    case 0xca: return .double(Double(Float(bitPattern: try take(UInt32.self))))
    case 0xcb: return .double(Double(bitPattern: try take(UInt64.self)))
    case 0xcc: return .integer(Int64(try take(UInt8.self)))
    case 0xcd: return .integer(Int64(try take(UInt16.self)))
    case 0xce: return .integer(Int64(try take(UInt32.self)))
    case 0xcf:
      let value = try take(UInt64.self)
      return value > UInt64(Int64.max) ? .unsigned(value) : .integer(Int64(value))
    case 0xd0: return .integer(Int64(try take(Int8.self)))
    case 0xd1: return .integer(Int64(try take(Int16.self)))
    case 0xd2: return .integer(Int64(try take(Int32.self)))
    case 0xd3: return .integer(try take(Int64.self))
    case 0xd4...0xd8: return try ext(1 << Int(byte - 0xd4))
    case 0xda: return .string(try view(Int(try take(UInt16.self))))
    case 0xdb: return .string(try view(Int(try take(UInt32.self))))
    case 0xdc: return .array(count: try count(Int(try take(UInt16.self)), bytesEach: 1))
    case 0xdd: return .array(count: try count(Int(try take(UInt32.self)), bytesEach: 1))
    case 0xde: return .map(count: try count(Int(try take(UInt16.self)), bytesEach: 2))
    case 0xdf: return .map(count: try count(Int(try take(UInt32.self)), bytesEach: 2))
    default: throw WireError(.undecodable, "the byte 0xc1 is not MessagePack")
    }
  }

  /// Checks the next value to its last byte and returns where it lies.
  @inline(__always)
  package mutating func skip() throws(WireError) -> UnsafeRawBufferPointer {
    let first = place
    if !passSimple() { try skip(depth: 0) }
    return UnsafeRawBufferPointer(start: first, count: place - first)
  }

  private mutating func skip(depth: Int) throws(WireError) {
    let children: Int
    switch try next() {
    case .array(let count): children = count
    case .map(let count): children = 2 * count
    default: return
    }
    guard children > 0 else { return }
    guard depth < Self.maximumDepth else { throw Self.tooDeep }
    for _ in 0..<children {
      if !passSimple() { try skip(depth: depth + 1) }
    }
  }

  /// Steps over a number, a boolean, nil or a string below 256 bytes, of which most values are made, without looking
  /// into it.
  /// - Returns: false for any other value, or one that is not all there; then nothing has moved.
  @inline(__always)
  private mutating func passSimple() -> Bool {
    guard remaining > 1, let byte = front else { return false }
    let length: Int
    if byte < 0x80 || byte >= 0xe0 || byte == 0xc2 || byte == 0xc3 || byte == 0xc0 {
      length = 1
    } else if byte & 0xe0 == 0xa0 {
      length = 1 + Int(byte & 0x1f)
    } else if byte == 0xd9 {
      length = 2 + Int(place.load(fromByteOffset: 1, as: UInt8.self))
    } else if byte & 0xfc == 0xcc || byte & 0xfc == 0xd0 {
      length = 1 + 1 << Int(byte & 3)
    } else {
      return false
    }
    return pass(length) != nil
  }

  static let tooDeep = WireError(.undecodable, "a value is nested deeper than \(maximumDepth) levels")

  @inline(__always)
  private mutating func take<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) throws(WireError) -> Number {
    guard let start = pass(MemoryLayout<Number>.size) else { throw Self.truncated }
    return Number(bigEndian: start.loadUnaligned(as: Number.self))
  }

  @inline(__always)
  private mutating func view(_ length: Int) throws(WireError) -> UnsafeRawBufferPointer {
    guard let start = pass(length) else { throw Self.truncated }
    return UnsafeRawBufferPointer(start: start, count: length)
  }

  private mutating func ext(_ length: Int) throws(WireError) -> Head {
    let type = try take(Int8.self)
    return .extension(type: type, try view(length))
  }

  /// A count that the remaining bytes cannot hold is refused at once, so that no loop runs on a promise.
  @inline(__always)
  private func count(_ count: Int, bytesEach: Int) throws(WireError) -> Int {
    guard count * bytesEach <= remaining else { throw Self.truncated }
    return count
  }

  private static let truncated = WireError(.undecodable, "a MessagePack value ends before its last byte")
}

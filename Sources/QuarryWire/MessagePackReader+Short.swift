import Glibc

/// The short forms, which nearly all keys and values have, taken without a detour: each takes the next value if it has that
/// form and is all there. Else it returns nil, and nothing has moved.
extension MessagePackReader {
  /// Bytes that follow each other, without the questions that a buffer asks itself.
  struct Run {
    let start: UnsafeRawPointer
    let count: Int

    @inline(__always)
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
  }

  /// A string below 32 bytes.
  @inline(__always)
  mutating func nextShortString() -> Run? {
    guard let front, front & 0xe0 == 0xa0 else { return nil }
    return passBody(behind: 1, Int(front & 0x1f))
  }

  /// A string below 256 bytes.
  @inline(__always)
  mutating func nextString() -> Run? {
    if let string = nextShortString() { return string }
    guard front == 0xd9, remaining > 1 else { return nil }
    return passBody(behind: 2, Int(place.load(fromByteOffset: 1, as: UInt8.self)))
  }

  /// Steps over a head and what follows it.
  /// - Returns: what follows the head.
  @inline(__always)
  private mutating func passBody(behind head: Int, _ count: Int) -> Run? {
    guard let start = pass(head &+ count) else { return nil }
    return Run(start: start + head, count: count)
  }

  /// Exactly these bytes.
  /// - Returns: false for any others; then nothing has moved.
  @inline(__always)
  mutating func pass(_ bytes: [UInt8]) -> Bool {
    let isNext = bytes.withUnsafeBytes {
      $0.count <= remaining && memcmp(place, $0.baseAddress ?? place, $0.count) == 0
    }
    guard isNext else { return false }
    place += bytes.count
    return true
  }

  /// An integer from 0 to 2^32 - 1.
  @inline(__always)
  mutating func nextCount() -> UInt32? {
    guard let front else { return nil }
    switch front {
    case 0x00...0x7f:
      place += 1
      return UInt32(front)
    case 0xcc: return number(UInt8.self)
    case 0xcd: return number(UInt16.self)
    case 0xce: return number(UInt32.self)
    default: return nil
    }
  }

  @inline(__always)
  private mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) -> UInt32? {
    guard let body = passBody(behind: 1, MemoryLayout<Number>.size) else { return nil }
    return UInt32(truncatingIfNeeded: Number(bigEndian: body.start.loadUnaligned(as: Number.self)))
  }

  /// A boolean or nil, as JSON text.
  @inline(__always)
  mutating func nextConstant() -> StaticString? {
    let text: StaticString
    switch front {
    case 0xc0: text = "null"
    case 0xc2: text = "false"
    case 0xc3: text = "true"
    default: return nil
    }
    place += 1
    return text
  }

  /// A map of fewer than sixteen entries comes next.
  @inline(__always)
  var isAtShortMap: Bool { front.map { $0 & 0xf0 == 0x80 } ?? false }

  /// Such a map, or an array of fewer than sixteen elements, comes next.
  @inline(__always)
  var isAtShortContainer: Bool { front.map { $0 & 0xe0 == 0x80 } ?? false }

  /// The head of one.
  @inline(__always)
  mutating func nextShortContainer() -> (isMap: Bool, count: Int)? {
    guard let front, front & 0xe0 == 0x80 else { return nil }
    place += 1
    return (front & 0x10 == 0, Int(front & 0x0f))
  }
}

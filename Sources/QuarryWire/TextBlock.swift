/// Memory for JSON text that is filled from its front, and how far it is. Whoever appends has asked first whether there is
/// room: nothing below asks again.
///
/// A plain value without a class or an array in it: a loop that works on a copy of it keeps it in registers.
package struct TextBlock {
  private let start: UnsafeMutableRawPointer
  private let end: UnsafeMutableRawPointer
  /// Where the next byte goes.
  private var place: UnsafeMutableRawPointer

  package init(_ memory: UnsafeMutableRawBufferPointer) {
    guard let start = memory.baseAddress else { preconditionFailure("a block of text needs memory") }
    (self.start, place, end) = (start, start, start + memory.count)
  }

  package var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: place - start) }

  @inline(__always)
  func hasRoom(for bytes: Int) -> Bool { bytes <= end - place }

  mutating func removeAll() { place = start }

  @inline(__always)
  mutating func append<Word: FixedWidthInteger & BitwiseCopyable>(_ word: Word) {
    put(word, at: 0)
    place += MemoryLayout<Word>.size
  }

  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    place.copyMemory(from: source, byteCount: bytes.count)
    place += bytes.count
  }

  @inline(__always)
  mutating func append(_ text: StaticString) {
    place.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    place += text.utf8CodeUnitCount
  }

  /// Writes without moving on.
  @inline(__always)
  private func put<Word: BitwiseCopyable>(_ word: Word, at offset: Int) {
    place.storeBytes(of: word, toByteOffset: offset, as: Word.self)
  }

  // MARK: Values

  /// Bytes that the longest integer takes.
  static let integerLength = 20

  @inline(__always)
  mutating func append(decimal value: UInt64) {
    if value < 10 { return append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value)) }
    let digits = Self.digits(value)
    var (rest, index) = (value, digits)
    while rest >= 10 {
      index &-= 2
      put(Self.pair(rest % 100).littleEndian, at: index)
      rest /= 100
    }
    if index > 0 { put(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest), at: 0) }
    place += digits
  }

  @inline(__always)
  private static func digits(_ value: UInt64) -> Int {
    var digits = 1
    var power: UInt64 = 10
    // The greatest has twenty digits, for which there is no power to compare with.
    while value >= power, digits < integerLength {
      digits &+= 1
      power &*= 10
    }
    return digits
  }

  /// The two digits of a number below 100, the first one in the low byte.
  @inline(__always)
  private static func pair(_ value: UInt64) -> UInt16 {
    let tens = (value &* 103) >> 10
    return UInt16(truncatingIfNeeded: tens | (value &- 10 &* tens) << 8) &+ 0x3030
  }

  /// Bytes that a string may take, the rest of a word beyond its end among them.
  @inline(__always)
  static func stringLength(_ count: Int) -> Int { count + 2 + 8 }

  /// Appends a string with its quotes if it holds nothing that must be escaped or checked. It is looked through and copied
  /// word by word; the last word overlaps the one before it, or reaches into the slack.
  /// - Parameter slack: bytes behind the string that may be read.
  /// - Returns: false when the general way has to be gone; then nothing is appended.
  @inline(__always)
  mutating func appendPlain(_ string: UnsafeRawPointer, count: Int, slack: Int) -> Bool {
    guard count < 8 ? copyShort(string, count, slack) : copyWords(string, count) else { return false }
    put(UInt8(ascii: "\""), at: 0)
    put(UInt8(ascii: "\""), at: 1 &+ count)
    place += count &+ 2
    return true
  }

  @inline(__always)
  private func copyShort(_ string: UnsafeRawPointer, _ count: Int, _ slack: Int) -> Bool {
    guard count &+ slack >= 8 else { return count == 0 }
    let word = string.loadUnaligned(as: UInt64.self)
    put(word, at: 1)
    return PlainText.length(word) >= count
  }

  @inline(__always)
  private func copyWords(_ string: UnsafeRawPointer, _ count: Int) -> Bool {
    let last = count &- 8
    var index = 0
    while true {
      let word = string.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      guard PlainText.isPlain(word) else { return false }
      put(word, at: 1 &+ index)
      if index == last { return true }
      index = min(index &+ 8, last)
    }
  }
}

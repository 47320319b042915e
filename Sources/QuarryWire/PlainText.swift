/// Finds what must not stand in a JSON string as it is.
enum PlainText {
  /// The first index from `start` on that holds a control character, a quote, a backslash or a byte above ASCII.
  @inline(__always)
  static func end(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start
    while index + 8 <= bytes.count {
      let special = specialBytes(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
      if special != 0 { return index + special.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < bytes.count, isPlain(bytes[index]) { index += 1 }
    return index
  }

  /// How many of the eight bytes are plain before the first one that is not.
  @inline(__always)
  static func length(_ word: UInt64) -> Int { specialBytes(UInt64(littleEndian: word)).trailingZeroBitCount / 8 }

  /// Whether all eight bytes are plain.
  @inline(__always)
  static func isPlain(_ word: UInt64) -> Bool { specialBytes(word) == 0 }

  /// The high bit of a byte is set where the byte is not plain. A borrow from such a byte may also set it in those above,
  /// never below, and only the lowest one is used. What is below 0x21 once 0x20 and 0x22 have changed places is a control
  /// character or a quote.
  @inline(__always)
  private static func specialBytes(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    let controlOrQuote = (word ^ (ones &* 0x02)) &- ones &* 0x21
    let backslash = (word ^ (ones &* 0x5C)) &- ones
    return (controlOrQuote | backslash | word) & highs
  }

  @inline(__always)
  static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }
}

/// One UTF-8 sequence, or the piece of a broken one that a single U+FFFD stands for (its maximal subpart, as the
/// Unicode standard recommends).
struct UTF8Sequence {
  let isValid: Bool
  let length: Int

  init(in bytes: UnsafeRawBufferPointer, at index: Int) {
    let first = bytes[index]
    guard first >= 0x80 else {
      (isValid, length) = (true, 1)
      return
    }
    let (count, second) = Self.shape(first)
    var seen = 1
    while seen < count, index + seen < bytes.count {
      let allowed = seen == 1 ? second : 0x80...0xBF
      guard allowed.contains(bytes[index + seen]) else { break }
      seen += 1
    }
    isValid = count > 0 && seen == count
    length = seen
  }

  /// Bytes of the sequence that `first` opens (0: none) and what its second byte may be, so that overlong forms,
  /// surrogates and scalars above U+10FFFF are refused.
  private static func shape(_ first: UInt8) -> (count: Int, second: ClosedRange<UInt8>) {
    switch first {
    case 0xC2...0xDF: (2, 0x80...0xBF)
    case 0xE0: (3, 0xA0...0xBF)
    case 0xED: (3, 0x80...0x9F)
    case 0xE1...0xEF: (3, 0x80...0xBF)
    case 0xF0: (4, 0x90...0xBF)
    case 0xF1...0xF3: (4, 0x80...0xBF)
    case 0xF4: (4, 0x80...0x8F)
    default: (0, 0x80...0xBF)
    }
  }
}

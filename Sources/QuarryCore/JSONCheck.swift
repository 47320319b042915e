/// Tells whether bytes are JSON (RFC 8259, in UTF-8) without making anything of them, at some bytes a nanosecond.
package struct JSONCheck: JSONScanner {
  let bytes: UnsafeRawBufferPointer
  var position = 0

  /// Whether the bytes are one object, with nothing but space around it. Nesting is bounded as `JSONParser` bounds it.
  package static func isObject(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var check = JSONCheck(bytes: bytes)
    check.skipSpace()
    guard check.peek() == UInt8(ascii: "{"), check.value(depth: 0) else { return false }
    check.skipSpace()
    return check.position == bytes.count
  }

  private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  private mutating func value(depth: Int) -> Bool {
    guard depth <= JSONParser.maximumDepth, let byte = peek() else { return false }
    switch byte {
    case UInt8(ascii: "\""): return string()
    case UInt8(ascii: "{"): return members(to: UInt8(ascii: "}"), depth: depth, areNamed: true)
    case UInt8(ascii: "["): return members(to: UInt8(ascii: "]"), depth: depth, areNamed: false)
    case UInt8(ascii: "t"): return word("true")
    case UInt8(ascii: "f"): return word("false")
    case UInt8(ascii: "n"): return word("null")
    default: return number()
    }
  }

  private mutating func members(to end: UInt8, depth: Int, areNamed: Bool) -> Bool {
    position += 1
    skipSpace()
    if take(end) { return true }
    while true {
      if areNamed, !name() { return false }
      guard value(depth: depth + 1) else { return false }
      skipSpace()
      if take(end) { return true }
      guard take(UInt8(ascii: ",")) else { return false }
      skipSpace()
    }
  }

  private mutating func name() -> Bool {
    guard string() else { return false }
    skipSpace()
    guard take(UInt8(ascii: ":")) else { return false }
    skipSpace()
    return true
  }

  private mutating func string() -> Bool {
    guard take(UInt8(ascii: "\"")) else { return false }
    while true {
      skipPlainText()
      guard let byte = peek() else { return false }
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return true
      case UInt8(ascii: "\\"): guard escape() else { return false }
      case 0x20..<0x80: break
      case 0xC2...0xF4: guard restOfScalar(lead: byte) else { return false }
      default: return false
      }
    }
  }

  /// Eight bytes at a time, as long as none of them is a quote, a backslash, a control character or beyond ASCII.
  private mutating func skipPlainText() {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops = ones << 7
    while position + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
      let backslash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
      let odd = (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- ones &* 0x20) & ~word | word
      guard odd & tops == 0 else { return }
      position += 8
    }
  }

  private mutating func escape() -> Bool {
    guard let byte = peek() else { return false }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return true
    case UInt8(ascii: "u"):
      for _ in 0..<4 {
        guard let digit = peek(), Character(Unicode.Scalar(digit)).isHexDigit else { return false }
        position += 1
      }
      return true
    default: return false
    }
  }

  /// The bytes that follow the first of a character beyond ASCII; neither overlong forms nor surrogates are any.
  private mutating func restOfScalar(lead: UInt8) -> Bool {
    let second: ClosedRange<UInt8> =
      switch lead {
      case 0xE0: 0xA0...0xBF
      case 0xED: 0x80...0x9F
      case 0xF0: 0x90...0xBF
      case 0xF4: 0x80...0x8F
      default: 0x80...0xBF
      }
    guard let byte = peek(), second.contains(byte) else { return false }
    position += 1
    for _ in 0..<(lead < 0xE0 ? 0 : lead < 0xF0 ? 1 : 2) {
      guard let byte = peek(), byte & 0xC0 == 0x80 else { return false }
      position += 1
    }
    return true
  }

  private mutating func number() -> Bool {
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")), !skipDigits() { return false }
    if take(UInt8(ascii: ".")), !skipDigits() { return false }
    guard take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) else { return true }
    if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
    return skipDigits()
  }
}

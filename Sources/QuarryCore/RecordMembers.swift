import Glibc

/// Takes single members out of a record line without decoding the rest: a chunk's megabytes of base64 are only
/// searched for their closing quote.
package struct RecordMembers {
  private let line: UnsafeRawBufferPointer
  private var position = 0

  /// The wanted members that the line has at its top level; empty for a line that is not an object.
  package static func read(_ names: Set<String>, from line: UnsafeRawBufferPointer) -> [String: JSONValue] {
    var found: [String: JSONValue] = [:]
    forEach(in: line) { key, text in
      // A member that is no JSON is not among those found; whoever reads a damaged line learns that by its absence.
      if names.contains(key), let value = try? JSONParser.parse(Array(text)) { found[key] = value }
      return found.count < names.count
    }
    return found
  }

  /// Calls `body` with each member at the top level and its value as the text that stands there, in their order, until
  /// it returns false or the line is no object any more.
  package static func forEach(
    in line: UnsafeRawBufferPointer, _ body: (_ key: String, _ text: UnsafeRawBufferPointer) -> Bool
  ) {
    var scanner = RecordMembers(line: line)
    scanner.scan(body)
  }

  /// The text of one element of a JSON array; nil for another value, or beyond the array's end.
  package static func element(_ index: Int, of array: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    var scanner = RecordMembers(line: array)
    return scanner.element(index)
  }

  /// What a member's text says when it is a JSON string.
  package static func text(_ member: UnsafeRawBufferPointer) -> String? {
    var scanner = RecordMembers(line: member)
    return scanner.string()
  }

  private init(line: UnsafeRawBufferPointer) { self.line = line }

  private mutating func scan(_ body: (String, UnsafeRawBufferPointer) -> Bool) {
    skipSpace()
    guard take("{") else { return }
    while true {
      skipSpace()
      guard let key = string() else { return }
      skipSpace()
      guard take(":") else { return }
      skipSpace()
      guard let value = value(), body(key, value) else { return }
      skipSpace()
      guard take(",") else { return }
    }
  }

  private mutating func element(_ index: Int) -> UnsafeRawBufferPointer? {
    skipSpace()
    guard take("[") else { return nil }
    for number in 0... {
      skipSpace()
      guard let value = value() else { return nil }
      if number == index { return value }
      skipSpace()
      guard take(",") else { return nil }
    }
    return nil
  }

  private mutating func value() -> UnsafeRawBufferPointer? {
    let start = position
    return skipValue() ? UnsafeRawBufferPointer(rebasing: line[start..<position]) : nil
  }

  private mutating func string() -> String? {
    let start = position
    guard skipString() else { return nil }
    let inner = line[(start + 1)..<(position - 1)]
    if !inner.contains(UInt8(ascii: "\\")) { return String(validating: inner, as: UTF8.self) }
    // An escape that is none ends the walk, as every damage does.
    guard case .string(let text)? = try? JSONParser.parse(Array(line[start..<position])) else { return nil }
    return text
  }

  /// - Returns: false at a place where no value begins or ends.
  private mutating func skipValue() -> Bool {
    guard position < line.count else { return false }
    switch line[position] {
    case UInt8(ascii: "\""): return skipString()
    case UInt8(ascii: "{"), UInt8(ascii: "["): return skipContainer()
    default:
      let start = position
      while position < line.count, !Self.ends.contains(line[position]) { position += 1 }
      return position > start
    }
  }

  private static let ends: Set<UInt8> = [
    0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"),
  ]

  private mutating func skipContainer() -> Bool {
    var depth = 0
    while position < line.count {
      switch line[position] {
      case UInt8(ascii: "\""):
        guard skipString() else { return false }
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      default: break
      }
      position += 1
      if depth == 0 { return true }
    }
    return false
  }

  private mutating func skipString() -> Bool {
    guard take("\""), let base = line.baseAddress else { return false }
    while let found = memchr(base + position, 0x22, line.count - position) {
      let quote = UnsafeRawPointer(found) - base
      var backslashes = 0
      while quote - backslashes > 0, line[quote - backslashes - 1] == UInt8(ascii: "\\") { backslashes += 1 }
      position = quote + 1
      if backslashes.isMultiple(of: 2) { return true }
    }
    return false
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard position < line.count, line[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < line.count, line[position] == 0x20 || (0x09...0x0D).contains(line[position]) { position += 1 }
  }
}

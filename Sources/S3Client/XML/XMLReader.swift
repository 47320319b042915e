/// Reads the XML that S3 and STS answer with, and no more than that: elements, text, the five named references, numbered
/// ones, comments, CDATA. A document type is refused, and with it every entity that it might define; attributes
/// are checked and left out. Any input ends in an element or an error; depth is bounded.
package struct XMLReader {
  /// S3's own answers are five deep.
  static let maximumDepth = 32

  private let bytes: [UInt8]
  private var position = 0

  package static func read(_ bytes: [UInt8]) throws(XMLError) -> XMLElement {
    guard String(validating: bytes, as: UTF8.self) != nil else { throw XMLError(reason: "it is not UTF-8") }
    var reader = XMLReader(bytes: bytes)
    return try reader.document()
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func document() throws(XMLError) -> XMLElement {
    _ = take("\u{FEFF}")
    try skipAside()
    guard peek == UInt8(ascii: "<") else { throw failure("an element should begin here") }
    let root = try element(depth: 1)
    try skipAside()
    guard position == bytes.count else { throw failure("something follows the document") }
    return root
  }

  /// Spaces, comments and processing instructions around the root element.
  private mutating func skipAside() throws(XMLError) {
    while true {
      skipSpaces()
      if take("<?") {
        try skip(past: "?>")
      } else if take("<!--") {
        try skip(past: "-->")
      } else if take("<!") {
        throw failure("a document type is not taken")
      } else {
        return
      }
    }
  }

  private mutating func element(depth: Int) throws(XMLError) -> XMLElement {
    guard depth <= Self.maximumDepth else { throw failure("it is nested deeper than \(Self.maximumDepth)") }
    position += 1
    let name = try name()
    var element = XMLElement(name: name.split(separator: ":").last.map(String.init) ?? name)
    if try !attributesAndMore() { return element }
    var text: [UInt8] = []
    while true {
      guard let byte = peek else { throw failure("<\(name)> has no end") }
      if byte == UInt8(ascii: "&") {
        text += try reference()
      } else if byte != UInt8(ascii: "<") {
        text.append(byte)
        position += 1
      } else if take("</") {
        guard try self.name() == name else { throw failure("<\(name)> is closed by another name") }
        skipSpaces()
        guard take(">") else { throw failure("a '>' should be here") }
        element.text = String(decoding: text, as: UTF8.self)
        return element
      } else if take("<!--") {
        try skip(past: "-->")
      } else if take("<![CDATA[") {
        let start = position
        try skip(past: "]]>")
        text += bytes[start..<position - 3]
      } else if take("<?") {
        try skip(past: "?>")
      } else {
        element.children.append(try self.element(depth: depth + 1))
      }
    }
  }

  /// - Returns: whether anything is in the element: false for `<a/>`.
  private mutating func attributesAndMore() throws(XMLError) -> Bool {
    while true {
      skipSpaces()
      if take("/>") { return false }
      if take(">") { return true }
      _ = try name()
      skipSpaces()
      guard take("=") else { throw failure("an attribute has no value") }
      skipSpaces()
      guard let quote = peek, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
        throw failure("an attribute's value is not quoted")
      }
      position += 1
      try skip(past: String(UnicodeScalar(quote)))
    }
  }

  private mutating func name() throws(XMLError) -> String {
    let start = position
    while let byte = peek, Self.isNameByte(byte) { position += 1 }
    guard position > start else { throw failure("a name should be here") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x80...,
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// `&lt;`, `&#10;` or `&#xA;`.
  private mutating func reference() throws(XMLError) -> [UInt8] {
    let start = position + 1
    guard let end = bytes[start...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else {
      throw failure("a reference has no end")
    }
    let text = String(decoding: bytes[start..<end], as: UTF8.self)
    guard let scalar = Self.scalar(text) else { throw failure("a reference is unknown") }
    position = end + 1
    return Array(String(Character(scalar)).utf8)
  }

  private static func scalar(_ name: String) -> Unicode.Scalar? {
    switch name {
    case "lt": return "<"
    case "gt": return ">"
    case "amp": return "&"
    case "quot": return "\""
    case "apos": return "'"
    default:
      guard name.hasPrefix("#") else { return nil }
      let isHex = name.hasPrefix("#x")
      let number = UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10)
      return number.flatMap { $0 == 0 ? nil : Unicode.Scalar($0) }
    }
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ text: String) -> Bool {
    guard bytes[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  private mutating func skip(past text: String) throws(XMLError) {
    while position < bytes.count {
      if take(text) { return }
      position += 1
    }
    throw failure("a '\(text)' is missing")
  }

  private mutating func skipSpaces() {
    while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { position += 1 }
  }

  private func failure(_ reason: String) -> XMLError { XMLError(reason: "at byte \(position): \(reason)") }
}

/// Writes JSON text straight into a byte buffer; the only JSON writer on the path of events.
package enum JSONText {
  /// Appends `value` as a JSON string with its quotes, escaping what RFC 8259 asks for and nothing more.
  package static func append(_ value: String, to out: inout [UInt8]) {
    var copy = value
    copy.withUTF8 { append(utf8: UnsafeRawBufferPointer($0), to: &out) }
  }

  /// Appends bytes that are valid UTF-8 as a JSON string with its quotes.
  package static func append(utf8 bytes: UnsafeRawBufferPointer, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    var start = 0
    for index in 0..<bytes.count {
      let byte = bytes[index]
      if byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") { continue }
      if start < index { out.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<index])) }
      appendEscape(byte, to: &out)
      start = index + 1
    }
    if start < bytes.count { out.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start...])) }
    out.append(UInt8(ascii: "\""))
  }

  private static func appendEscape(_ byte: UInt8, to out: inout [UInt8]) {
    let backslash = UInt8(ascii: "\\")
    switch byte {
    case UInt8(ascii: "\""), backslash: out += [backslash, byte]
    case UInt8(ascii: "\n"): out += [backslash, UInt8(ascii: "n")]
    case UInt8(ascii: "\r"): out += [backslash, UInt8(ascii: "r")]
    case UInt8(ascii: "\t"): out += [backslash, UInt8(ascii: "t")]
    default:
      let hex = Array("0123456789abcdef".utf8)
      out += [
        backslash, UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0"), hex[Int(byte >> 4)], hex[Int(byte & 15)],
      ]
    }
  }

  package static func append(_ value: Int64, to out: inout [UInt8]) {
    out.append(contentsOf: String(value).utf8)
  }

  package static func append(_ value: Bool, to out: inout [UInt8]) {
    out.append(contentsOf: (value ? "true" : "false").utf8)
  }

  /// Appends `,` unless the last byte opens an object or an array, then `"name":`.
  package static func appendKey(_ name: StaticString, to out: inout [UInt8]) {
    appendSeparator(to: &out)
    out.append(UInt8(ascii: "\""))
    name.withUTF8Buffer { out.append(contentsOf: $0) }
    out.append(UInt8(ascii: "\""))
    out.append(UInt8(ascii: ":"))
  }

  package static func appendMember(_ name: StaticString, _ value: String, to out: inout [UInt8]) {
    appendKey(name, to: &out)
    append(value, to: &out)
  }

  package static func appendMember(_ name: StaticString, _ value: String?, to out: inout [UInt8]) {
    if let value { appendMember(name, value, to: &out) }
  }

  package static func appendMember(_ name: StaticString, _ value: Int64, to out: inout [UInt8]) {
    appendKey(name, to: &out)
    append(value, to: &out)
  }

  package static func appendSeparator(to out: inout [UInt8]) {
    guard let last = out.last else { return }
    switch last {
    case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "\n"): return
    default: out.append(UInt8(ascii: ","))
    }
  }
}

/// A JSON value with exact integers. Off the hot path: jobs, parameters, configuration, Redis records, read side.
package enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// Integers above `Int64.max`, kept exact.
  case unsigned(UInt64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(nilLiteral: ()) { self = .null }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
  }
}

extension JSONValue {
  package subscript(_ key: String) -> JSONValue? {
    if case .object(let members) = self { members[key] } else { nil }
  }
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  package var object: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }

  /// Compact JSON with sorted keys: the canonical form that dedup keys are made from.
  package var canonicalText: String {
    var out: [UInt8] = []
    write(to: &out, indent: nil, depth: 0)
    return String(decoding: out, as: UTF8.self)
  }

  /// JSON indented by two spaces, keys sorted, no newline at the end.
  package var prettyText: String {
    var out: [UInt8] = []
    write(to: &out, indent: 2, depth: 0)
    return String(decoding: out, as: UTF8.self)
  }

  private func write(to out: inout [UInt8], indent: Int?, depth: Int) {
    switch self {
    case .null: out.append(contentsOf: "null".utf8)
    case .bool(let value): JSONText.append(value, to: &out)
    case .integer(let value): JSONText.append(value, to: &out)
    case .unsigned(let value): out.append(contentsOf: String(value).utf8)
    case .double(let value): out.append(contentsOf: Self.text(of: value).utf8)
    case .string(let value): JSONText.append(value, to: &out)
    case .array(let elements):
      Self.writeSequence(open: "[", close: "]", elements, to: &out, indent: indent, depth: depth) {
        $0.write(to: &$1, indent: indent, depth: depth + 1)
      }
    case .object(let members):
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      Self.writeSequence(open: "{", close: "}", sorted, to: &out, indent: indent, depth: depth) {
        JSONText.append($0.key, to: &$1)
        $1.append(contentsOf: (indent == nil ? ":" : ": ").utf8)
        $0.value.write(to: &$1, indent: indent, depth: depth + 1)
      }
    }
  }

  private static func writeSequence<Element>(
    open: Unicode.Scalar, close: Unicode.Scalar, _ elements: [Element], to out: inout [UInt8], indent: Int?,
    depth: Int, write: (Element, inout [UInt8]) -> Void
  ) {
    out.append(UInt8(ascii: open))
    for (index, element) in elements.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      newline(to: &out, indent: indent, depth: depth + 1)
      write(element, &out)
    }
    if !elements.isEmpty { newline(to: &out, indent: indent, depth: depth) }
    out.append(UInt8(ascii: close))
  }

  private static func newline(to out: inout [UInt8], indent: Int?, depth: Int) {
    guard let indent else { return }
    out.append(UInt8(ascii: "\n"))
    out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * depth))
  }

  /// Shortest text that reads back as the same number; whole numbers without `.0`.
  package static func text(of value: Double) -> String {
    guard value.isFinite else { return "null" }
    if let whole = Int64(exactly: value) { return String(whole) }
    return "\(value)"
  }
}

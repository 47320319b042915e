import QuarryCore

/// What a command answers, before it is known how it will be shown. Fields keep their order.
package indirect enum Output: Sendable, Equatable {
  case value(JSONValue)
  case record([Field])
  case list([Output])

  package struct Field: Sendable, Equatable {
    package let name: String
    package let value: Output

    package init(name: String, value: Output) {
      self.name = name
      self.value = value
    }
  }

  /// A record of plain values.
  package static func record(_ values: [(String, JSONValue)]) -> Output {
    .record(values.map { Field(name: $0.0, value: .value($0.1)) })
  }

  /// A JSON object as a record, so that a table shows its members; other values as they are.
  static func tree(_ value: JSONValue) -> Output {
    guard case .object(let members) = value else { return .value(value) }
    return .record(members.sorted { $0.key < $1.key }.map { Field(name: $0.key, value: tree($0.value)) })
  }

  /// For a scalar: the text as a table shows it; nil for what has parts.
  var cellText: String? {
    switch self {
    case .value(.string(let text)): text
    case .value(.null): "-"
    case .value(let value): value.canonicalText
    case .list(let elements): elements.isEmpty ? "-" : Self.joined(elements)
    case .record: nil
    }
  }

  private static func joined(_ elements: [Output]) -> String? {
    let texts = elements.compactMap { element -> String? in
      if case .value = element { element.cellText } else { nil }
    }
    return texts.count == elements.count ? texts.joined(separator: ", ") : nil
  }
}

extension JSONValue {
  /// Null for what is absent.
  static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
  static func optional(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
  static func optional(_ number: Int64?) -> JSONValue { number.map { .integer($0) } ?? .null }
  static func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }
}

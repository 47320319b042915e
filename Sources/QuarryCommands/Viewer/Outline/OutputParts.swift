import QuarryCore

/// What a value is made of, however it is written down: members of a record or an object, elements of a list or an array.
enum OutputParts {
  case fields([Output.Field])
  case elements([Output])

  var count: Int {
    switch self {
    case .fields(let fields): fields.count
    case .elements(let elements): elements.count
    }
  }
}

extension Output {
  /// Nil for a scalar.
  var parts: OutputParts? {
    switch self {
    case .record(let fields): .fields(fields)
    case .list(let elements): .elements(elements)
    case .value(.object): if case .record(let fields) = Self.tree(asValue) { .fields(fields) } else { nil }
    case .value(.array(let elements)): .elements(elements.map(Output.value))
    case .value: nil
    }
  }

  private var asValue: JSONValue { if case .value(let value) = self { value } else { .null } }

  /// The value on one line, however long: a scalar as it is, of what has parts these where they are scalars, else how
  /// many they are.
  var lineText: String {
    switch parts {
    case nil: scalarText
    case .fields(let fields):
      fields.isEmpty ? "none" : fields.map { "\($0.name)=\($0.value.partText)" }.joined(separator: " ")
    case .elements(let elements):
      elements.isEmpty ? "none" : elements.allSatisfy { $0.parts == nil } ? Self.joined(elements) : "\(elements.count)"
    }
  }

  /// A scalar as text; nothing is left out.
  var scalarText: String {
    switch self {
    case .value(.string(let text)): text
    case .value(let value): value.canonicalText
    case .record, .list: ""
    }
  }

  var isNull: Bool { self == .value(.null) }

  private var partText: String { parts.map { "\($0.count)" } ?? scalarText }

  private static func joined(_ elements: [Output]) -> String {
    elements.map(\.scalarText).joined(separator: ", ")
  }

  /// What is at a path below this value, as it is now.
  func value(at path: some Collection<OutlineStep>) -> Output? {
    guard let step = path.first else { return self }
    let part: Output? =
      switch (parts, step) {
      case (.fields(let fields), .field(let name)): fields.first { $0.name == name }?.value
      case (.elements(let elements), .element(let key)):
        OutlineStep.elements(elements).firstIndex(of: .element(key)).map { elements[$0] }
      default: nil
      }
    return part?.value(at: path.dropFirst())
  }
}

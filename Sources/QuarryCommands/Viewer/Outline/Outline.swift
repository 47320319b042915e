/// A document as the lines of an outline: what is open is followed by its parts.
struct Outline {
  /// How many parts a member of the document may have to be open from the start.
  private static let smallEnough = 20

  struct Row {
    enum Content {
      /// - nameWidth: of the longest name beside it.
      case field(name: String, nameWidth: Int, value: Output)
      case element(name: String, value: Output)
      case header(OutlineTable)
      case tableRow(OutlineTable, index: Int)
      case nothing
    }

    let path: OutlinePath
    let depth: Int
    let content: Content
    /// Nil for what has no parts.
    let isOpen: Bool?
    /// Of a row of a table, where its header stands.
    var header: Int?

    /// Headers are looked at, and passed over by the selection.
    var isSelectable: Bool { if case .header = content { false } else { true } }
  }

  private(set) var document: Output
  private(set) var rows: [Row] = []
  /// What was opened or closed, and what was decided when it was first seen.
  private var isOpen: [OutlinePath: Bool] = [:]

  init(_ document: Output) {
    self.document = document
    build()
  }

  /// What is open stays open.
  mutating func update(to document: Output) {
    self.document = document
    build()
  }

  mutating func open(_ path: OutlinePath, _ opens: Bool) {
    isOpen[path] = opens
    build()
  }

  /// Opens whatever hides the value at the path.
  mutating func reveal(_ path: OutlinePath) {
    for length in 1..<max(1, path.count) { isOpen[Array(path.prefix(length))] = true }
    build()
  }

  /// The row of a path, or of the nearest value around it.
  func row(of path: OutlinePath) -> Int? {
    for length in stride(from: path.count, through: 1, by: -1) {
      let part = Array(path.prefix(length))
      if let index = rows.firstIndex(where: { $0.path == part && $0.isSelectable }) { return index }
    }
    return nil
  }

  private mutating func build() {
    rows = []
    guard let parts = document.parts else { return add(.element(name: "", value: document), []) }
    add(parts, path: [])
    if rows.isEmpty { add(.nothing, []) }
  }

  private mutating func add(_ parts: OutputParts, path: OutlinePath) {
    switch parts {
    case .fields(let fields): add(fields, path: path)
    case .elements(let elements):
      if let table = OutlineTable(elements) { add(table, path: path) } else { add(elements, path: path) }
    }
  }

  private mutating func add(_ fields: [Output.Field], path: OutlinePath) {
    let width = fields.map(\.name.cellWidth).max() ?? 0
    for field in fields {
      add(.field(name: field.name, nameWidth: width, value: field.value), path + [.field(field.name)], of: field.value)
    }
  }

  private mutating func add(_ elements: [Output], path: OutlinePath) {
    for (element, step) in zip(elements, OutlineStep.elements(elements)) {
      add(.element(name: step.text, value: element), path + [step], of: element)
    }
  }

  private mutating func add(_ table: OutlineTable, path: OutlinePath) {
    let header = rows.count
    add(.header(table), path + [.element("")])
    for (index, step) in OutlineStep.elements(table.elements).enumerated() {
      add(.tableRow(table, index: index), path + [step], of: table.elements[index], header: header)
    }
  }

  /// A row, and its parts when it is open.
  private mutating func add(
    _ content: Row.Content, _ path: OutlinePath, of value: Output? = nil, header: Int? = nil
  ) {
    let parts = value?.parts.flatMap { $0.count > 0 ? $0 : nil }
    let isOpen = parts.map { decide(path, count: $0.count, isTableRow: header != nil) }
    rows.append(Row(path: path, depth: path.count - 1, content: content, isOpen: isOpen, header: header))
    if let parts, isOpen == true { add(parts, path: path) }
  }

  private mutating func decide(_ path: OutlinePath, count: Int, isTableRow: Bool) -> Bool {
    if let known = isOpen[path] { return known }
    let opens = path.count == 1 && !isTableRow && count <= Self.smallEnough
    isOpen[path] = opens
    return opens
  }
}

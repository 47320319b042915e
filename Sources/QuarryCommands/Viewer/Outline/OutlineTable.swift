import QuarryTerminal

/// A list of records that have the same members, as columns.
struct OutlineTable {
  private static let gap = 2
  /// Cells that a column is not made narrower than, if it has so many.
  private static let narrowest = 6

  let columns: [String]
  let elements: [Output]
  /// What each column would take.
  private let natural: [Int]

  /// - Returns: nil for elements that are no records, or have too little in common.
  init?(_ elements: [Output]) {
    let records = elements.compactMap(Self.names)
    guard records.count == elements.count, let fewest = records.map(\.count).min(), fewest > 0 else { return nil }
    var columns: [String] = []
    var known: Set<String> = []
    for name in records.joined() where known.insert(name).inserted { columns.append(name) }
    guard columns.count <= 2 * fewest else { return nil }
    self.columns = columns
    self.elements = elements
    natural = Self.widths(columns, elements)
  }

  /// What stands in a cell; nil where the record has no such member.
  func value(row: Int, column: Int) -> Output? {
    guard case .fields(let fields) = elements[row].parts else { return nil }
    // Mostly it stands where its column does.
    if column < fields.count, fields[column].name == columns[column] { return fields[column].value }
    return fields.first { $0.name == columns[column] }?.value
  }

  /// Where each column that fits begins, and how wide it is. The widest become narrower before any is left out.
  func layout(width: Int) -> [(start: Int, width: Int)] {
    var shown = natural.count
    while shown > 1, Self.total(natural.prefix(shown), atMost: Self.narrowest) > width { shown -= 1 }
    var limit = natural.prefix(shown).max() ?? 0
    while limit > Self.narrowest, Self.total(natural.prefix(shown), atMost: limit) > width { limit -= 1 }
    var start = 0
    return natural.prefix(shown).map { natural in
      let column = (start: start, width: min(natural, limit, max(1, width - start)))
      start += column.width + Self.gap
      return column
    }
  }

  private static func total(_ widths: ArraySlice<Int>, atMost limit: Int) -> Int {
    widths.reduce(gap * (widths.count - 1)) { $0 + min($1, limit) }
  }

  private static func names(_ element: Output) -> [String]? {
    if case .fields(let fields) = element.parts { fields.map(\.name) } else { nil }
  }

  private static func widths(_ columns: [String], _ elements: [Output]) -> [Int] {
    let index = Dictionary(uniqueKeysWithValues: columns.enumerated().map { ($0.element, $0.offset) })
    var widths = columns.map(\.cellWidth)
    for element in elements {
      guard case .fields(let fields) = element.parts else { continue }
      for field in fields {
        guard let column = index[field.name] else { continue }
        widths[column] = max(widths[column], field.value.lineText.cellWidth)
      }
    }
    return widths
  }
}

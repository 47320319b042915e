import QuarryCore

/// One of the lists of `quarry top`, by its name in the document.
enum TopPane: String, CaseIterable {
  case workers, hosts, leases, jobs

  /// A column by which the rows stand, with its sign in the header; nil leaves them as they were read.
  struct Sort: Equatable {
    var column: String
    var isDescending: Bool
  }

  /// What matters first.
  var firstSort: Sort? {
    switch self {
    case .workers: Sort(column: "running", isDescending: true)
    case .hosts: Sort(column: "ready", isDescending: true)
    case .leases: Sort(column: "left_ms", isDescending: false)
    // The newest first.
    case .jobs: nil
    }
  }

  /// Columns there are, in their order.
  func columns(of document: Output) -> [String] {
    if case .record(let fields)? = document.rows(rawValue).first { fields.map(\.name) } else { [] }
  }

  /// A table with its header first.
  func lines(of document: Output, sort: Sort?) -> [StyledLine] {
    let rows = document.rows(rawValue)
    let sorted = sort.map { Self.sorted(rows, by: $0) } ?? rows
    return TableRendering.lines(of: .list(sorted.map { Self.shown($0, sort) }))
  }

  private static func sorted(_ rows: [Output], by sort: Sort) -> [Output] {
    let keyed = rows.enumerated().map {
      (index: $0.offset, key: SortKey($0.element.field(sort.column)), row: $0.element)
    }
    return keyed.sorted { left, right in
      // Rows that are alike stay as they were read, so that nothing jumps.
      if left.key == right.key { return left.index < right.index }
      return (left.key < right.key) != sort.isDescending
    }.map(\.row)
  }

  /// Durations for people, and the sorted column marked.
  private static func shown(_ row: Output, _ sort: Sort?) -> Output {
    guard case .record(let fields) = row else { return row }
    return .record(
      fields.map { field in
        let isDuration = field.name.hasSuffix("_ms")
        let mark = sort?.column == field.name ? "*" : ""
        return Output.Field(
          name: (isDuration ? String(field.name.dropLast(3)) : field.name) + mark,
          value: isDuration ? duration(field.value) : field.value)
      })
  }

  private static func duration(_ value: Output) -> Output {
    guard case .value(.integer(let milliseconds)) = value else { return value }
    return .value(.string(Duration.milliseconds(milliseconds).shortText))
  }
}

/// What a column is sorted by: nothing before numbers before texts.
private enum SortKey: Comparable {
  case none
  case number(Double)
  case text(String)

  init(_ value: Output?) {
    switch value {
    case .value(.integer(let number)): self = .number(Double(number))
    case .value(.double(let number)): self = .number(number)
    case .value(.string(let text)): self = .text(text)
    default: self = .none
    }
  }
}

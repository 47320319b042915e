import QuarryCore
import QuarryTerminal

/// Aligned columns for a list, aligned `name  value` lines for one record.
package struct TableRendering {
  private let isColored: Bool

  package init(isColored: Bool) { self.isColored = isColored }

  package func text(of output: Output) -> String {
    Self.lines(of: output).map { $0.text(isColored: isColored) + "\n" }.joined()
  }

  static func lines(of output: Output) -> [StyledLine] {
    switch output {
    case .list(let rows): table(rows)
    case .record(let fields): record(fields, indent: "")
    case .value: [StyledLine(plain: clean(output.cellText ?? ""))]
    }
  }

  private static func table(_ rows: [Output]) -> [StyledLine] {
    let records = rows.map { row -> [Output.Field] in if case .record(let fields) = row { fields } else { [] } }
    guard let first = records.first else { return [StyledLine(plain: "nothing to show")] }
    let header = first.map { $0.name.uppercased() }
    let cells = records.map { $0.map { clean($0.value.cellText ?? inline($0.value)) } }
    let widths = header.indices.map { column in
      ([header] + cells).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return [line(header, widths) { _ in .bold }] + cells.map { line($0, widths, style: tone) }
  }

  private static func line(_ cells: [String], _ widths: [Int], style: (String) -> Style) -> StyledLine {
    zip(cells, widths).enumerated().flatMap { index, pair in
      let isLast = index == cells.count - 1
      let space = isLast ? "" : String(repeating: " ", count: max(0, pair.1 - pair.0.count) + 2)
      return [StyledText(text: pair.0, style: style(pair.0)), StyledText(text: space)]
    }
  }

  private static func record(_ fields: [Output.Field], indent: String) -> [StyledLine] {
    let width = fields.map(\.name.count).max() ?? 0
    return fields.flatMap { field in
      let label = indent + field.name + String(repeating: " ", count: width - field.name.count)
      if let text = field.value.cellText.map(clean) {
        return [[StyledText(text: label + "  "), StyledText(text: text, style: tone(text))]]
      }
      return [StyledLine(plain: indent + field.name)] + nested(field.value, indent: indent + "  ")
    }
  }

  private static func nested(_ output: Output, indent: String) -> [StyledLine] {
    switch output {
    case .record(let fields): record(fields, indent: indent)
    case .list(let elements): elements.flatMap { listItem($0, indent: indent) }
    case .value: [StyledLine(plain: indent + clean(output.cellText ?? ""))]
    }
  }

  /// One line for the element's plain fields; lists inside it, as in a tree, follow further in.
  private static func listItem(_ element: Output, indent: String) -> [StyledLine] {
    guard case .record(let fields) = element else { return [StyledLine(plain: indent + "- " + clean(inline(element)))] }
    let plain = fields.filter {
      if case .list(let parts) = $0.value { parts.isEmpty ? false : $0.value.cellText != nil } else { true }
    }
    let trees = fields.filter {
      if case .list(let parts) = $0.value { !parts.isEmpty && $0.value.cellText == nil } else { false }
    }
    return [StyledLine(plain: indent + "- " + clean(inline(.record(plain))))]
      + trees.flatMap { nested($0.value, indent: indent + "  ") }
  }

  /// A record inside a cell or a list item.
  private static func inline(_ output: Output) -> String {
    switch output {
    case .record(let fields):
      fields.map { "\($0.name)=\($0.value.cellText ?? inline($0.value))" }.joined(separator: " ")
    case .list(let elements): elements.map(inline).joined(separator: ", ")
    case .value: output.cellText ?? ""
    }
  }

  /// Stored text is anybody's: a terminal shows it and does not obey it.
  private static func clean(_ text: String) -> String { text.onOneLine }

  private static func tone(_ text: String) -> Style { StateTone(text).map { Style($0.color) } ?? .plain }
}

import QuarryCore

/// Aligned columns for a list, aligned `name  value` lines for one record.
package struct TableRendering {
  private let isColored: Bool

  package init(isColored: Bool) { self.isColored = isColored }

  package func text(of output: Output) -> String {
    switch output {
    case .list(let rows): table(rows)
    case .record(let fields): record(fields, indent: "")
    case .value: (output.cellText ?? "") + "\n"
    }
  }

  private func table(_ rows: [Output]) -> String {
    let records = rows.map { row -> [Output.Field] in if case .record(let fields) = row { fields } else { [] } }
    guard let first = records.first else { return "nothing to show\n" }
    let header = first.map { $0.name.uppercased() }
    let cells = records.map { $0.map { clean($0.value.cellText ?? inline($0.value)) } }
    let widths = header.indices.map { column in
      ([header] + cells).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    var out = line(header, widths) { self.styled($0, "1") }
    for row in cells { out += line(row, widths, style: colored) }
    return out
  }

  private func line(_ cells: [String], _ widths: [Int], style: (String) -> String) -> String {
    let padded = zip(cells, widths).enumerated().map { index, pair in
      let isLast = index == cells.count - 1
      return style(pair.0) + (isLast ? "" : String(repeating: " ", count: max(0, pair.1 - pair.0.count)))
    }
    return padded.joined(separator: "  ") + "\n"
  }

  private func record(_ fields: [Output.Field], indent: String) -> String {
    let width = fields.map(\.name.count).max() ?? 0
    return fields.map { field in
      let label = indent + field.name + String(repeating: " ", count: width - field.name.count)
      if let text = field.value.cellText { return "\(label)  \(colored(clean(text)))\n" }
      return indent + field.name + "\n" + nested(field.value, indent: indent + "  ")
    }.joined()
  }

  private func nested(_ output: Output, indent: String) -> String {
    switch output {
    case .record(let fields): record(fields, indent: indent)
    case .list(let elements): elements.map { listItem($0, indent: indent) }.joined()
    case .value: indent + clean(output.cellText ?? "") + "\n"
    }
  }

  /// One line for the element's plain fields; lists inside it, as in a tree, follow further in.
  private func listItem(_ element: Output, indent: String) -> String {
    guard case .record(let fields) = element else { return indent + "- " + clean(inline(element)) + "\n" }
    let plain = fields.filter {
      if case .list(let parts) = $0.value { parts.isEmpty ? false : $0.value.cellText != nil } else { true }
    }
    let trees = fields.filter {
      if case .list(let parts) = $0.value { !parts.isEmpty && $0.value.cellText == nil } else { false }
    }
    return indent + "- " + clean(inline(.record(plain))) + "\n"
      + trees.map { nested($0.value, indent: indent + "  ") }.joined()
  }

  /// A record inside a cell or a list item.
  private func inline(_ output: Output) -> String {
    switch output {
    case .record(let fields):
      fields.map { "\($0.name)=\($0.value.cellText ?? inline($0.value))" }.joined(separator: " ")
    case .list(let elements): elements.map(inline).joined(separator: ", ")
    case .value: output.cellText ?? ""
    }
  }

  /// Stored text is anybody's: a terminal shows it and does not obey it.
  private func clean(_ text: String) -> String { text.onOneLine }

  private func colored(_ text: String) -> String {
    switch StateTone(text) {
    case .good: styled(text, "32")
    case .bad: styled(text, "31")
    case .going: styled(text, "33")
    case nil: text
    }
  }

  private func styled(_ text: String, _ code: String) -> String {
    isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

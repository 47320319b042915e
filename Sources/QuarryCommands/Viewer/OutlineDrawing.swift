import QuarryCore
import QuarryTerminal

/// Draws single lines of an outline.
struct OutlineDrawing {
  private static let indent = 2
  /// Names are cut beyond this share of the screen, as `1 / share`.
  private static let nameShare = 2

  let signs: ViewerSigns
  let columns: Int

  func draw(_ row: Outline.Row, on canvas: inout Canvas, at line: Int) {
    let start = max(0, row.depth) * Self.indent
    let sign = row.isOpen.map { $0 ? signs.open : signs.closed } ?? " "
    let column = canvas.write(sign, row: line, column: start, style: .dim) + 1
    switch row.content {
    case .field(let name, let width, let value):
      draw(name: name, width: width, value, isOpen: row.isOpen, on: &canvas, line, column)
    case .element(let name, let value):
      draw(name: name, width: name.cellWidth, value, isOpen: row.isOpen, on: &canvas, line, column)
    case .header(let table): draw(headerOf: table, on: &canvas, line, column)
    case .tableRow(let table, let index): draw(rowOf: table, index, on: &canvas, line, column)
    case .nothing: canvas.write("nothing to show", row: line, column: column, style: .dim)
    }
  }

  private func draw(
    name: String, width: Int, _ value: Output, isOpen: Bool?, on canvas: inout Canvas, _ line: Int, _ column: Int
  ) {
    let width = min(width, max(1, (columns - column) / Self.nameShare))
    put(name, width: width, style: Style(.cyan, isBold: isOpen != nil), on: &canvas, line, column)
    // The parts stand below.
    guard isOpen != true else { return }
    let start = width == 0 ? column : column + width + 2
    put(value, width: columns - start, on: &canvas, line, start)
  }

  private func draw(headerOf table: OutlineTable, on canvas: inout Canvas, _ line: Int, _ column: Int) {
    let layout = table.layout(width: columns - column)
    for (name, place) in zip(table.columns, layout) {
      put(
        name.uppercased(), width: place.width, style: Style(.cyan, isBold: true), on: &canvas, line,
        column + place.start)
    }
    // Columns without room are in the rows that are opened.
    if layout.count < table.columns.count { canvas.write(signs.cut, row: line, column: columns - signs.cut.cellWidth) }
  }

  private func draw(rowOf table: OutlineTable, _ index: Int, on canvas: inout Canvas, _ line: Int, _ column: Int) {
    for (number, place) in table.layout(width: columns - column).enumerated() {
      guard let value = table.value(row: index, column: number) else { continue }
      put(value, width: place.width, on: &canvas, line, column + place.start)
    }
  }

  private func put(_ value: Output, width: Int, on canvas: inout Canvas, _ line: Int, _ column: Int) {
    let style: Style =
      value.isNull || value.parts != nil ? .dim : StateTone(value.scalarText).map { Style($0.color) } ?? .plain
    put(value.lineText, width: width, style: style, on: &canvas, line, column)
  }

  private func put(
    _ text: String, width: Int, style: Style, on canvas: inout Canvas, _ line: Int, _ column: Int
  ) {
    guard width > 0 else { return }
    // More characters than cells are never shown; a long value is not looked at to its end.
    let head = text.prefix(width + 1)
    canvas.write(String(head).glyphs.fitting(width, end: signs.cut), row: line, column: column, style: style)
  }
}

extension StateTone {
  var color: Style.Color {
    switch self {
    case .good: .green
    case .bad: .red
    case .going: .yellow
    }
  }
}

/// The viewer's own signs, which a terminal without UTF-8 could not show.
package struct ViewerSigns {
  let open: String
  let closed: String
  let cut: String
  let step: String

  private static let plain = ViewerSigns(open: "v", closed: ">", cut: "...", step: " > ")
  private static let fine = ViewerSigns(open: "▾", closed: "▸", cut: "…", step: " › ")

  /// By the locale, as the C library finds it.
  package init(environment: [String: String]) {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    let name = locale.uppercased().filter { $0 != "-" }
    self = name.contains("UTF8") ? .fine : .plain
  }

  private init(open: String, closed: String, cut: String, step: String) {
    self.open = open
    self.closed = closed
    self.cut = cut
    self.step = step
  }
}

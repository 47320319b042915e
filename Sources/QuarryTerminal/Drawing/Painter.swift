/// Turns pictures into what a terminal has to be told: of each row what is new, from its first new cell on.
package struct Painter {
  private let isColored: Bool
  /// What the terminal shows; nil when nobody knows.
  private var shown: Canvas?

  package init(isColored: Bool) { self.isColored = isColored }

  /// From now on nothing is known of what the terminal shows.
  package mutating func forget() { shown = nil }

  /// - Returns: nothing when the picture is the same.
  package mutating func update(to canvas: Canvas) -> String {
    guard canvas != shown else { return "" }
    let before = shown?.size == canvas.size ? shown : nil
    // A terminal that knows this mode shows nothing before all of it is there; others pass over it.
    var out = "\u{1B}[?2026h\u{1B}[?25l"
    for (row, cells) in canvas.rows.enumerated() {
      let first = before.map { Self.firstChange(from: $0.rows[row], to: cells) } ?? 0
      if let first { paint(cells, row: row, from: first, to: &out) }
    }
    if let cursor = canvas.cursor { out += Self.move(row: cursor.row, column: cursor.column) + "\u{1B}[?25h" }
    shown = canvas
    return out + "\u{1B}[?2026l"
  }

  /// - Returns: the first cell of the glyph that differs.
  private static func firstChange(from old: [Canvas.Cell], to new: [Canvas.Cell]) -> Int? {
    guard var column = new.indices.first(where: { old[$0] != new[$0] }) else { return nil }
    while column > 0, new[column].text.isEmpty || old[column].text.isEmpty { column -= 1 }
    return column
  }

  private func paint(_ cells: [Canvas.Cell], row: Int, from first: Int, to out: inout String) {
    let end = (cells.lastIndex { $0 != Canvas.Cell() } ?? -1) + 1
    out += Self.move(row: row, column: first)
    var style: Style?
    for column in first..<max(first, end) where !cells[column].text.isEmpty {
      let cell = cells[column]
      if cell.style != style { out += cell.style.sequence(isColored: isColored) }
      style = cell.style
      out += cell.text
      // Terminals differ in how wide they draw it.
      if !cell.text.utf8.allSatisfy({ $0 < 0x80 }) { out += Self.move(row: row, column: Self.next(column, cells)) }
    }
    if style != .plain { out += Style.plain.sequence(isColored: isColored) }
    if end < cells.count { out += "\u{1B}[K" }
  }

  private static func next(_ column: Int, _ cells: [Canvas.Cell]) -> Int {
    cells[(column + 1)...].firstIndex { !$0.text.isEmpty } ?? cells.count - 1
  }

  private static func move(row: Int, column: Int) -> String { "\u{1B}[\(row + 1);\(column + 1)H" }
}

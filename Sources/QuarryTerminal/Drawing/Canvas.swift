/// Rows and columns of a terminal, each at least one.
package struct ScreenSize: Sendable, Equatable {
  package let rows: Int
  package let columns: Int

  package init(rows: Int, columns: Int) {
    self.rows = max(1, rows)
    self.columns = max(1, columns)
  }
}

/// One picture of the screen, drawn from nothing each time; `Painter` finds what is new in it.
package struct Canvas: Sendable, Equatable {
  struct Cell: Sendable, Equatable {
    /// Empty where the glyph before reaches into this cell.
    var text = " "
    var style = Style.plain
  }

  package let size: ScreenSize
  private(set) var rows: [[Cell]]
  /// Where the cursor is shown; nil hides it.
  package var cursor: (row: Int, column: Int)? {
    get { shown.map { ($0.row, $0.column) } }
    set { shown = newValue.map { Cursor(row: $0.row, column: $0.column) } }
  }
  private var shown: Cursor?

  private struct Cursor: Sendable, Equatable {
    let row: Int
    let column: Int
  }

  package init(size: ScreenSize) {
    self.size = size
    rows = Array(repeating: Array(repeating: Cell(), count: size.columns), count: size.rows)
  }

  /// Writes what fits between `column` and the end of the row; what lies outside of the screen is left out.
  /// - Returns: the column behind it.
  @discardableResult
  package mutating func write(_ glyphs: [Glyph], row: Int, column: Int, style: Style = .plain) -> Int {
    guard rows.indices.contains(row), column >= 0 else { return column }
    var next = column
    for glyph in glyphs {
      guard next + glyph.width <= size.columns else { break }
      rows[row][next] = Cell(text: glyph.text, style: style)
      for rest in next + 1..<next + glyph.width { rows[row][rest] = Cell(text: "", style: style) }
      next += glyph.width
    }
    return next
  }

  @discardableResult
  package mutating func write(_ text: String, row: Int, column: Int, style: Style = .plain) -> Int {
    write(text.glyphs, row: row, column: column, style: style)
  }

  /// Changes how a whole row looks.
  package mutating func restyle(row: Int, _ change: (inout Style) -> Void) {
    guard rows.indices.contains(row) else { return }
    for column in rows[row].indices { change(&rows[row][column].style) }
  }

  /// The text of each row without the spaces at its end.
  package var text: [String] {
    rows.map { row in
      let text = row.map(\.text).joined()
      return String(text.reversed().drop { $0 == " " }.reversed())
    }
  }

  /// Whether the row is drawn reversed from its first cell on, as what is selected is.
  package func isReversed(row: Int) -> Bool { rows[row].first?.style.isReversed ?? false }
}

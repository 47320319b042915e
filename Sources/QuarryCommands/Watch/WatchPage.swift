import QuarryCore
import QuarryTerminal

/// Lines that are looked through, of which the first may stay in sight.
package struct WatchPage {
  /// Columns that one key moves it to the side.
  private static let sideStep = 8

  private var lines: [StyledLine]
  private var pinned: Int
  private var top = 0
  private var left = 0
  private var height = 1

  /// - Parameter pinned: lines at the beginning that stay where they are.
  init(_ lines: [StyledLine], pinned: Int = 0) {
    self.lines = lines
    self.pinned = min(pinned, lines.count)
  }

  /// As the format prints it.
  package init(_ document: Output, as format: OutputFormat) {
    let isList = if case .list(let rows) = document { !rows.isEmpty } else { false }
    do {
      self.init(try format.lines(document), pinned: format == .table && isList ? 1 : 0)
    } catch {
      self.init([StyledLine(plain: "it cannot be shown as \(format.rawValue): \(error)")])
    }
  }

  /// Shows others at the same place.
  mutating func update(to other: WatchPage) {
    lines = other.lines
    pinned = other.pinned
  }

  mutating func move(_ key: Key) {
    switch key {
    case .down, .enter, .character("j"): top += 1
    case .up, .character("k"): top -= 1
    case .pageDown, .character(" "), .control("f"): top += height
    case .pageUp, .character("b"), .control("b"): top -= height
    case .control("d"): top += height / 2
    case .control("u"): top -= height / 2
    case .home, .character("g"): (top, left) = (0, 0)
    case .end, .character("G"): top = lines.count
    case .right, .character("l"): left += Self.sideStep
    case .left, .character("h"): left -= Self.sideStep
    default: break
    }
  }

  /// Draws into these rows of the canvas.
  mutating func draw(on canvas: inout Canvas, rows: Range<Int>, cut: String) {
    height = max(1, rows.count - pinned)
    top = min(max(0, top), max(0, lines.count - pinned - height))
    let shown = lines.prefix(pinned) + lines.dropFirst(pinned + top)
    let widest = zip(rows, shown).map { $1.cellWidth }.max() ?? 0
    left = min(max(0, left), max(0, widest - canvas.size.columns))
    for (row, line) in zip(rows, shown) { canvas.write(line, row: row, skipping: left, cut: cut) }
  }

  /// Which of its lines are shown; nil when all are.
  var place: String? {
    let count = lines.count - pinned
    guard count > height else { return nil }
    return "\(top + 1)-\(min(top + height, count)) of \(count)"
  }
}

extension Canvas {
  /// Writes the line without its first cells, and marks where more of it would follow.
  mutating func write(_ line: StyledLine, row: Int, skipping: Int, cut: String) {
    var column = -skipping
    for part in line {
      for glyph in part.text.glyphs {
        if column >= 0 { write([glyph], row: row, column: column, style: part.style) }
        column += glyph.width
      }
    }
    let mark = cut.glyphs
    if column > size.columns { write(mark, row: row, column: size.columns - mark.width, style: .dim) }
  }
}

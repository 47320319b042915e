import QuarryCore
import QuarryTerminal

/// The screen: a title, the outline or a page, where in the document it is, and how old it is.
extension DocumentView {
  package mutating func draw(on canvas: inout Canvas) {
    let rows = canvas.size.rows
    // A small screen has the document first.
    let (hasTitle, hasPath, hasStatus) = (rows >= 5, rows >= 4, rows >= 2)
    let body = (hasTitle ? 1 : 0)..<(rows - (hasPath ? 1 : 0) - (hasStatus ? 1 : 0))
    if hasTitle { canvas.writeBar(title, row: 0, cut: signs.cut) }
    if page != nil { page?.draw(on: &canvas, rows: body) } else { drawOutline(on: &canvas, rows: body) }
    if hasPath { canvas.writeBar(place, row: rows - 2, cut: signs.cut) }
    if hasStatus { drawStatus(on: &canvas, row: rows - 1) }
  }

  private mutating func drawOutline(on canvas: inout Canvas, rows: Range<Int>) {
    position.show(in: outline.rows, height: rows.count)
    let drawing = OutlineDrawing(signs: signs, columns: canvas.size.columns)
    for (line, index) in zip(rows, position.top..<outline.rows.count) {
      let row = outline.rows[index]
      let header = index == position.top && index != position.selected ? row.header : nil
      drawing.draw(header.map { outline.rows[$0] } ?? row, on: &canvas, at: line)
      if index == position.selected { canvas.restyle(row: line) { $0.isReversed = true } }
    }
  }

  /// The way to what is selected, and how far down it stands.
  private var place: String {
    if let page { return page.position.isEmpty ? page.title : "\(page.title)  (\(page.position))" }
    let path = selectedPath.map(\.text).joined(separator: signs.step)
    return "\(position.selected + 1)/\(outline.rows.count)  \(path)"
  }

  private func drawStatus(on canvas: inout Canvas, row: Int) {
    if let prompt {
      // The end of what is typed stays in sight.
      let room = max(1, canvas.size.columns - 2)
      let end = canvas.write("/" + prompt.text.suffix(room), row: row, column: 0)
      canvas.cursor = (row, min(end, canvas.size.columns - 1))
      return
    }
    let (text, style) = status
    canvas.writeStatus(text, style: style, right: age, row: row, cut: signs.cut)
  }

  private var status: (String, Style) {
    if let message { return (message, .plain) }
    if let failure { return ("\(failure.at.clockText) cannot be read: \(failure.text)", Style(.red)) }
    if let note = reading.notes.last {
      let others = reading.notes.count - 1
      return (others > 0 ? "\(note) (and \(others) more)" : note, Style(.yellow))
    }
    return ("q end  ? keys  / search  r read again", .dim)
  }

  /// When it was read, and whether it will be again.
  private var age: String { (pace.isLive ? "live, read " : "read ") + reading.at.clockText }
}

extension Timestamp {
  /// The time of day in UTC: `03:14:15Z`.
  var clockText: String { String(text(fraction: 0).dropFirst(11)) }
}

import QuarryTerminal

/// A text over the whole screen: a value that is longer than its line, or help.
struct TextPage {
  let title: String
  /// Where the value stands, to show it as it is now; nil for help.
  let path: OutlinePath?
  private(set) var text: String
  private var top = 0
  /// Of the width it was last drawn in.
  private var lines: (width: Int, text: [[Glyph]])?
  private var height = 1

  init(title: String, text: String, path: OutlinePath? = nil) {
    self.title = title
    self.text = text
    self.path = path
  }

  mutating func update(to text: String) {
    guard text != self.text else { return }
    self.text = text
    lines = nil
  }

  /// - Returns: false when the page is left.
  mutating func handle(_ key: Key) -> Bool {
    switch key {
    case .escape, .left, .backspace, .character("h"), .character("?"): return false
    case .down, .enter, .character("j"), .control("e"), .control("n"): top += 1
    case .up, .character("k"), .control("y"), .control("p"): top -= 1
    case .pageDown, .character(" "), .control("f"): top += height
    case .pageUp, .character("b"), .control("b"): top -= height
    case .control("d"): top += height / 2
    case .control("u"): top -= height / 2
    case .home, .character("g"): top = 0
    case .end, .character("G"): top = .max / 2
    default: break
    }
    return true
  }

  /// Draws into these rows of the canvas.
  mutating func draw(on canvas: inout Canvas, rows: Range<Int>) {
    let width = canvas.size.columns
    let lines = lines.flatMap { $0.width == width ? $0.text : nil } ?? text.lines(width: width)
    self.lines = (width, lines)
    height = max(1, rows.count)
    top = min(max(0, top), max(0, lines.count - height))
    for (row, line) in zip(rows, lines.dropFirst(top)) { canvas.write(line, row: row, column: 0) }
  }

  /// How far it is read: `lines 1-20 of 80`.
  var position: String {
    let count = lines?.text.count ?? 0
    return count <= height ? "" : "lines \(top + 1)-\(min(top + height, count)) of \(count)"
  }
}

import QuarryTerminal
import Testing

@Suite struct PainterTests {
  private static let frame = (begin: "\u{1B}[?2026h\u{1B}[?25l", end: "\u{1B}[?2026l")

  private func canvas(_ lines: String..., columns: Int = 10, style: Style = .plain) -> Canvas {
    var canvas = Canvas(size: ScreenSize(rows: 3, columns: columns))
    for (row, line) in lines.enumerated() { canvas.write(line, row: row, column: 0, style: style) }
    return canvas
  }

  /// What is sent between the beginning and the end of a picture.
  private func body(_ text: String) -> String {
    #expect(text.hasPrefix(Self.frame.begin) && text.hasSuffix(Self.frame.end))
    return String(text.dropFirst(Self.frame.begin.count).dropLast(Self.frame.end.count))
  }

  @Test func onlyWhatIsNewIsSent() {
    var painter = Painter(isColored: true)
    _ = painter.update(to: canvas("one", "two"))
    #expect(painter.update(to: canvas("one", "two")) == "")
    #expect(body(painter.update(to: canvas("one", "twice"))) == "\u{1B}[2;3H\u{1B}[0mice\u{1B}[K")
    #expect(body(painter.update(to: canvas("one"))) == "\u{1B}[2;1H\u{1B}[0m\u{1B}[K")
  }

  @Test func everythingIsSentWhenNothingIsKnown() {
    var painter = Painter(isColored: true)
    let all = body(painter.update(to: canvas("a", "b", "c")))
    for row in 1...3 { #expect(all.contains("\u{1B}[\(row);1H")) }
    painter.forget()
    #expect(body(painter.update(to: canvas("a", "b", "c"))) == all)
    #expect(body(painter.update(to: canvas("a", "b", "c", columns: 12))) == all)
  }

  @Test func aWideGlyphIsSentWholeAndTheCursorSetBehindIt() {
    var painter = Painter(isColored: true)
    _ = painter.update(to: canvas("日本"))
    #expect(
      body(painter.update(to: canvas("日x"))) == "\u{1B}[1;3H\u{1B}[0mx\u{1B}[K")
    #expect(
      body(painter.update(to: canvas("日語x")))
        == "\u{1B}[1;3H\u{1B}[0m語\u{1B}[1;5Hx\u{1B}[K")
    #expect(body(painter.update(to: canvas("ab"))) == "\u{1B}[1;1H\u{1B}[0mab\u{1B}[K")
  }

  @Test func aFullRowIsNotErasedBehind() {
    var painter = Painter(isColored: true)
    let text = body(painter.update(to: canvas("0123456789")))
    #expect(text.hasPrefix("\u{1B}[1;1H\u{1B}[0m0123456789\u{1B}[2;1H"))
  }

  @Test func withoutColoursEmphasisStays() {
    let style = Style(.red, isBold: true, isReversed: true)
    var colored = Painter(isColored: true)
    var plain = Painter(isColored: false)
    #expect(body(colored.update(to: canvas("x", style: style))).contains("\u{1B}[0;1;7;31mx\u{1B}[0m"))
    #expect(body(plain.update(to: canvas("x", style: style))).contains("\u{1B}[0;1;7mx\u{1B}[0m"))
  }

  @Test func theCursorIsShownWhereItIs() {
    var painter = Painter(isColored: true)
    var picture = canvas("/")
    picture.cursor = (0, 1)
    #expect(painter.update(to: picture).hasSuffix("\u{1B}[1;2H\u{1B}[?25h\u{1B}[?2026l"))
  }

  @Test func nothingIsDrawnOutsideOfTheScreen() {
    var canvas = Canvas(size: ScreenSize(rows: 1, columns: 3))
    #expect(canvas.write("日本", row: 0, column: 0) == 2)
    canvas.write("x", row: 5, column: 0)
    canvas.write("x", row: 0, column: 9)
    canvas.write("x", row: -1, column: 0)
    #expect(canvas.text == ["日"])
    #expect(Canvas(size: ScreenSize(rows: 0, columns: -1)).text == [""])
  }
}

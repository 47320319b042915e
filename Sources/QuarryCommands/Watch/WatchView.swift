import QuarryCore
import QuarryTerminal

/// Shows one document as it is printed, and reads it again at its pace.
package struct WatchView: FullScreenView {
  private let title: String
  private let feed: DocumentFeed
  private let signs: ViewerSigns
  private let makePage: @Sendable (Output) -> WatchPage
  private var page: WatchPage
  private var reading: DocumentReading
  private var pace: LivePace
  /// Why the last look failed, and since when none has succeeded.
  private var failure: (text: String, since: Timestamp)?

  /// - Parameter page: the document as it is shown.
  package init(
    title: String, reading: DocumentReading, feed: DocumentFeed, pace: LivePace, signs: ViewerSigns,
    page: @escaping @Sendable (Output) -> WatchPage
  ) {
    self.title = title
    self.reading = reading
    self.feed = feed
    self.pace = pace
    self.signs = signs
    makePage = page
    self.page = page(reading.document)
  }

  package var dueAt: ContinuousClock.Instant? { pace.nextAt }

  package mutating func handle(_ event: ScreenEvent) -> Bool {
    switch event {
    case .due, .input(.key(.character("r"))):
      pace.begin()
      feed.request()
    case .news: takeNews()
    case .input(.key(.character("q"))): return false
    case .input(.key(let key)): page.move(key)
    case .input(.pasted): break
    }
    return true
  }

  private mutating func takeNews() {
    switch feed.take() {
    case .read(let reading):
      if reading.document != self.reading.document { page.update(to: makePage(reading.document)) }
      self.reading = reading
      failure = nil
      pace.end(mayChange: true, hasChanged: true)
    case .failed(let text, let at):
      failure = (text, failure?.since ?? at)
      pace.fail()
    case nil: break
    }
  }

  package mutating func draw(on canvas: inout Canvas) {
    let rows = canvas.size.rows
    // A small screen has the document first.
    let (hasTitle, hasStatus) = (rows >= 4, rows >= 2)
    if hasTitle { canvas.writeBar(title, row: 0, cut: signs.cut) }
    page.draw(on: &canvas, rows: (hasTitle ? 1 : 0)..<(rows - (hasStatus ? 1 : 0)), cut: signs.cut)
    if hasStatus { drawStatus(on: &canvas, row: rows - 1) }
  }

  private func drawStatus(on canvas: inout Canvas, row: Int) {
    let age = "read \(reading.at.clockText)"
    let (text, style) =
      if let failure {
        ("cannot be read since \(failure.since.clockText): \(failure.text)", Style(.red))
      } else if let note = reading.notes.first {
        (note, Style(.yellow))
      } else {
        (page.place ?? "q end  r read now", Style.dim)
      }
    canvas.writeStatus(text, style: style, right: age, row: row, cut: signs.cut)
  }
}

extension Canvas {
  /// A title over the whole row.
  mutating func writeBar(_ text: String, row: Int, cut: String) {
    write(text.glyphs.fitting(size.columns, end: cut), row: row, column: 0)
    restyle(row: row) { $0 = Style(isBold: true, isReversed: true) }
  }

  /// - Parameter right: stands at the end of the row and is whole before `text` is.
  mutating func writeStatus(_ text: String, style: Style, right: String, row: Int, cut: String) {
    let start = size.columns - right.cellWidth
    if start > 0 { write(right, row: row, column: start, style: .dim) }
    write(text.glyphs.fitting(max(0, start - 2), end: cut), row: row, column: 0, style: style)
  }
}

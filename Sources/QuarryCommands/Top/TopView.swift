import QuarryCore
import QuarryTerminal

/// `quarry top` on the screen: figures of the whole fleet, and below them one of its lists.
package struct TopView: FullScreenView {
  private let feed: DocumentFeed
  private let signs: ViewerSigns
  private var reading: DocumentReading
  private var pace: LivePace
  private var pane = TopPane.workers
  private var sorts: [TopPane: TopPane.Sort?] = [:]
  private var pages: [TopPane: WatchPage] = [:]
  private var help: TextPage?
  /// Nothing is read until it is wanted again.
  private var isHeld = false
  private var failure: (text: String, since: Timestamp)?

  package init(reading: DocumentReading, feed: DocumentFeed, pace: LivePace, signs: ViewerSigns) {
    self.reading = reading
    self.feed = feed
    self.pace = pace
    self.signs = signs
    for pane in TopPane.allCases { sorts[pane] = .some(pane.firstSort) }
    update()
  }

  package var dueAt: ContinuousClock.Instant? { isHeld ? nil : pace.nextAt }

  package mutating func handle(_ event: ScreenEvent) -> Bool {
    switch event {
    case .due: read()
    case .news: takeNews()
    case .input(.key(.character("q"))): return false
    case .input(.key(let key)): if help?.handle(key) == false { help = nil } else if help == nil { act(on: key) }
    case .input(.pasted): break
    }
    return true
  }

  private mutating func act(on key: Key) {
    switch key {
    case .tab: step(by: 1)
    case .character("1"), .character("2"), .character("3"), .character("4"):
      if case .character(let digit) = key, let number = digit.wholeNumberValue { pane = TopPane.allCases[number - 1] }
    case .character("s"): sortByNextColumn()
    case .character("S"): reverse()
    case .character("p"): isHeld.toggle()
    case .character("r"): read()
    case .character("?"): help = TopHelp.page
    default:
      var page = pages[pane]
      page?.move(key)
      pages[pane] = page
    }
  }

  private mutating func step(by count: Int) {
    let all = TopPane.allCases
    pane = all[((all.firstIndex(of: pane) ?? 0) + count) % all.count]
  }

  private var sort: TopPane.Sort? { sorts[pane] ?? nil }

  /// After the last column as it was read.
  private mutating func sortByNextColumn() {
    let columns = pane.columns(of: reading.document)
    let next = sort.map { sort in (columns.firstIndex(of: sort.column) ?? -1) + 1 } ?? 0
    sorts[pane] = columns.indices.contains(next) ? TopPane.Sort(column: columns[next], isDescending: false) : .some(nil)
    update()
  }

  private mutating func reverse() {
    guard var sort else { return }
    sort.isDescending.toggle()
    sorts[pane] = sort
    update()
  }

  private mutating func read() {
    pace.begin()
    feed.request()
  }

  private mutating func takeNews() {
    switch feed.take() {
    case .read(let reading):
      self.reading = reading
      failure = nil
      pace.end(mayChange: true, hasChanged: true)
      update()
    case .failed(let text, let at):
      failure = (text, failure?.since ?? at)
      pace.fail()
    case nil: break
    }
  }

  /// The lists as they were read last, each at its place.
  private mutating func update() {
    for pane in TopPane.allCases {
      let page = WatchPage(pane.lines(of: reading.document, sort: sorts[pane] ?? nil), pinned: 1)
      pages[pane, default: page].update(to: page)
    }
  }
}

extension TopView {
  package mutating func draw(on canvas: inout Canvas) {
    let rows = canvas.size.rows
    // A small screen has the list first.
    let hasStatus = rows >= 2
    var row = 0
    if rows >= 5 {
      canvas.writeBar("quarry top  \(TopText.title(of: reading.document))", row: 0, cut: signs.cut)
      row = 1
    }
    if rows >= 10 {
      for line in TopText.figures(of: reading.document) {
        canvas.write(line, row: row, skipping: 0, cut: signs.cut)
        row += 1
      }
    }
    if rows >= 7 {
      drawTabs(on: &canvas, row: row)
      row += 1
    }
    drawBody(on: &canvas, rows: row..<(rows - (hasStatus ? 1 : 0)))
    if hasStatus { drawStatus(on: &canvas, row: rows - 1) }
  }

  private mutating func drawBody(on canvas: inout Canvas, rows: Range<Int>) {
    guard help == nil else { return help?.draw(on: &canvas, rows: rows) ?? () }
    var page = pages[pane]
    page?.draw(on: &canvas, rows: rows, cut: signs.cut)
    pages[pane] = page
  }

  private func drawTabs(on canvas: inout Canvas, row: Int) {
    var column = 0
    for (index, pane) in TopPane.allCases.enumerated() {
      let text = " \(index + 1) \(pane.rawValue) \(count(of: pane)) "
      canvas.write(
        text, row: row, column: column, style: Style(isBold: pane == self.pane, isReversed: pane == self.pane))
      column += text.count + 1
    }
  }

  private func count(of pane: TopPane) -> String {
    let rows = reading.document.rows(pane.rawValue).count
    switch pane {
    case .leases: return String(reading.document.part("tasks").count("running"))
    case .hosts where reading.document.field("has_more_hosts") == .value(.bool(true)): return "\(rows)+"
    case .workers, .hosts, .jobs: return String(rows)
    }
  }

  private func drawStatus(on canvas: inout Canvas, row: Int) {
    let (text, style) =
      if let failure {
        ("cannot be read since \(failure.since.clockText): \(failure.text)", Style(.red))
      } else if isHeld {
        ("held: p goes on", Style(.yellow))
      } else {
        ("q end  Tab next list  s S sort  p hold  ? keys", Style.dim)
      }
    let place = pages[pane]?.place.map { "\($0)  " } ?? ""
    canvas.writeStatus(
      text, style: style, right: "\(place)read \(reading.at.clockText)", row: row, cut: signs.cut)
  }
}

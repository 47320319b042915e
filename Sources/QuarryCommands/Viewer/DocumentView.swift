import QuarryCore
import QuarryTerminal

/// Shows one document as an outline that is opened and closed, and reads it again while it may change.
package struct DocumentView: FullScreenView {
  /// What is shown: the command and what it was asked for.
  let title: String
  let signs: ViewerSigns
  private let feed: DocumentFeed
  /// Whether a document says itself that there is more to come.
  private let mayChange: @Sendable (Output) -> Bool

  private(set) var outline: Outline
  var position: OutlinePosition
  var page: TextPage?
  var prompt: SearchPrompt?
  private(set) var search: OutlineSearch?
  private(set) var pace: LivePace
  private(set) var reading: DocumentReading
  /// Why the last look failed, and when.
  private(set) var failure: (text: String, at: Timestamp)?
  /// What a key has led to, until the next one.
  private(set) var message: String?

  package init(
    title: String, reading: DocumentReading, feed: DocumentFeed, signs: ViewerSigns,
    mayChange: @escaping @Sendable (Output) -> Bool
  ) {
    self.title = title
    self.signs = signs
    self.reading = reading
    self.feed = feed
    self.mayChange = mayChange
    outline = Outline(reading.document)
    position = OutlinePosition(in: outline.rows)
    pace = LivePace(mayChange: mayChange(reading.document))
  }

  package var dueAt: ContinuousClock.Instant? { pace.nextAt }

  package mutating func handle(_ event: ScreenEvent) -> Bool {
    switch event {
    case .news: takeNews()
    case .due: readAgain()
    case .input(let input): return handle(input)
    }
    return true
  }

  private mutating func readAgain() {
    pace.begin()
    feed.request()
  }

  private mutating func takeNews() {
    switch feed.take() {
    case .read(let reading): show(reading)
    case .failed(let text, let at):
      failure = (text, at)
      pace.fail()
    case nil: return
    }
    if message == Self.isReading { message = nil }
  }

  private mutating func show(_ reading: DocumentReading) {
    let hasChanged = reading.document != self.reading.document
    self.reading = reading
    failure = nil
    pace.end(mayChange: mayChange(reading.document), hasChanged: hasChanged)
    if hasChanged { rebuild { $0.update(to: reading.document) } }
    if let path = page?.path, let value = reading.document.value(at: path) { page?.update(to: value.scalarText) }
  }

  /// Changes the outline and keeps what is selected.
  private mutating func rebuild(_ change: (inout Outline) -> Void) {
    let path = selectedPath
    change(&outline)
    position.follow(to: outline.row(of: path) ?? min(position.selected, max(0, outline.rows.count - 1)))
    position.move(by: 0, in: outline.rows)
  }

  var selectedPath: OutlinePath { outline.rows.isEmpty ? [] : outline.rows[position.selected].path }

  private static let isReading = "reading …"

  private mutating func handle(_ input: TerminalInput) -> Bool {
    message = nil
    if prompt != nil {
      answerPrompt(input)
    } else if case .key(let key) = input {
      guard key != .character("q") else { return false }
      handle(key)
    }
    return true
  }

  private mutating func handle(_ key: Key) {
    switch key {
    case .character("r"), .control("r"):
      message = Self.isReading
      readAgain()
    case .character("/"):
      page = nil
      prompt = SearchPrompt()
    case .character("?") where page == nil: page = ViewerHelp.page
    default: if page == nil { navigate(key) } else if page?.handle(key) == false { page = nil }
    }
  }

  private mutating func navigate(_ key: Key) {
    let rows = outline.rows
    switch key {
    case .down, .character("j"), .control("n"): position.move(by: 1, in: rows)
    case .up, .character("k"), .control("p"): position.move(by: -1, in: rows)
    case .pageDown, .character(" "), .control("f"): position.move(by: position.height, in: rows)
    case .pageUp, .character("b"), .control("b"): position.move(by: -position.height, in: rows)
    case .control("d"): position.move(by: position.height / 2, in: rows)
    case .control("u"): position.move(by: -position.height / 2, in: rows)
    case .home, .character("g"): position.move(by: -rows.count, in: rows)
    case .end, .character("G"): position.move(by: rows.count, in: rows)
    case .right, .character("l"): open(closesAgain: false)
    case .enter: open(closesAgain: true)
    case .left, .backspace, .character("h"): close()
    case .character("n"): find(backwards: false)
    case .character("N"): find(backwards: true)
    default: break
    }
  }

  /// Opens what has parts, and steps into it when it is open already; a scalar is shown whole on a page.
  private mutating func open(closesAgain: Bool) {
    guard outline.rows.indices.contains(position.selected) else { return }
    let row = outline.rows[position.selected]
    switch row.isOpen {
    case true?: if closesAgain { close() } else { position.move(by: 1, in: outline.rows) }
    case false?: rebuild { $0.open(row.path, true) }
    case nil:
      guard let value = outline.document.value(at: row.path) else { return }
      let text = value.parts == nil ? value.scalarText : value.lineText
      page = TextPage(title: row.path.map(\.text).joined(separator: signs.step), text: text, path: row.path)
    }
  }

  /// Closes what is open, else goes to what it is a part of.
  private mutating func close() {
    let path = selectedPath
    if outline.rows.indices.contains(position.selected), outline.rows[position.selected].isOpen == true {
      rebuild { $0.open(path, false) }
    } else if path.count > 1, let parent = outline.row(of: path.dropLast()) {
      position.select(parent)
    }
  }

  private mutating func answerPrompt(_ input: TerminalInput) {
    switch prompt?.handle(input) {
    case .left?: prompt = nil
    case .entered(let text)?:
      prompt = nil
      if !text.isEmpty { search = OutlineSearch(text) }
      find(backwards: false)
    case .typing?, nil: break
    }
  }

  private mutating func find(backwards: Bool) {
    guard let search else { return message = "/ begins a search" }
    guard let match = search.next(in: outline.document, from: selectedPath, backwards: backwards) else {
      return message = "nothing holds '\(search.term)'"
    }
    outline.reveal(match.path)
    if let row = outline.row(of: match.path) { position.select(row) }
    message = "'\(search.term)': \(match.number) of \(match.count)"
  }
}

import Glibc
import QuarryCore
import QuarryFleet
import Synchronization

/// How far a crawl is, as one line: `[████░░░░] 120 of 221  2 running  99 queued  1 dead  2.8/s  36s left`.
struct CrawlFigures: Sendable, Equatable {
  var done = 0
  var running = 0
  var queued = 0
  var dead = 0
  var retried = 0
  var workers = 0
  var perSecond: Double?
  var timeLeft: Duration?

  /// Tasks known so far; grows while pages are found.
  var total: Int { done + running + queued + dead }

  var text: String {
    var parts = ["\(done) of \(total) done", "\(running) running", "\(queued) queued"]
    if retried > 0 { parts.append("\(retried) retried") }
    if dead > 0 { parts.append("\(dead) dead") }
    parts.append("\(workers) worker\(workers == 1 ? "" : "s")")
    if let perSecond { parts.append("\(perSecond.shortText)/s") }
    if let timeLeft { parts.append("\(timeLeft.shortText) left") }
    return parts.joined(separator: "  ")
  }

  /// A bar of `width` cells.
  func bar(width: Int) -> String {
    let filled = total == 0 ? 0 : min(width, (done + dead) * width / total)
    return "[" + String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled) + "]"
  }
}

/// Shows the figures as they change: one line redrawn on a terminal, now and then a line elsewhere.
final class CrawlProgress: Sendable {
  private struct State {
    var shown: CrawlFigures?
    var lineAt: ContinuousClock.Instant?
    var isBarDrawn = false
  }
  private let console: Console
  private let lineInterval: Duration
  private let state = Mutex(State())

  init(console: Console, lineInterval: Duration = .seconds(5)) {
    self.console = console
    self.lineInterval = lineInterval
  }

  func show(_ figures: CrawlFigures) {
    state.withLock { state in
      guard figures != state.shown else { return }
      state.shown = figures
      if console.isErrorTerminal { draw(figures, &state) } else { line(figures, &state) }
    }
  }

  /// A message between the figures; the bar is drawn again below it.
  func tell(_ notice: CoordinatorNotice, _ flags: FleetFlags) {
    between { $0.about(notice.subject).say(notice.text(flags), level: notice.level) }
  }

  func warn(_ message: String) { between { $0.warn(message) } }

  private func between(_ say: (Console) -> Void) {
    state.withLock { state in
      erase(&state)
      say(console)
      if console.isErrorTerminal, let shown = state.shown { draw(shown, &state) }
    }
  }

  /// Removes the bar; what follows starts on a line of its own.
  func finish() {
    state.withLock { state in
      erase(&state)
      state.shown = nil
    }
  }

  private func draw(_ figures: CrawlFigures, _ state: inout State) {
    let columns = Console.columns(of: STDERR_FILENO)
    let text = figures.bar(width: min(24, max(8, columns / 5))) + " " + figures.text
    console.printError("\r\u{1B}[K" + String(text.prefix(max(20, columns - 1))))
    state.isBarDrawn = true
  }

  private func line(_ figures: CrawlFigures, _ state: inout State) {
    let now = ContinuousClock.now
    if let last = state.lineAt, now - last < lineInterval { return }
    state.lineAt = now
    console.say(figures.text)
  }

  private func erase(_ state: inout State) {
    if state.isBarDrawn { console.printError("\r\u{1B}[K") }
    state.isBarDrawn = false
  }
}

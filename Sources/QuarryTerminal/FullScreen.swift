import Glibc
import QuarryCore

/// The whole terminal, for as long as a view goes on. Whatever ends it, the terminal is afterwards as it was before: its
/// modes, its screen and its cursor.
///
/// Ctrl-C, SIGINT, SIGTERM, SIGHUP and the end of the terminal end every view, Ctrl-Z and SIGTSTP suspend it, Ctrl-L draws it
/// anew. One at a time in a process.
package struct FullScreen: ~Copyable {
  private let bell: Bell
  private var painter: Painter
  private var decoder = KeyDecoder()
  private var isOver = false

  /// - Parameter bell: rung by whoever has news for the view.
  package init(bell: Bell, isColored: Bool) {
    self.bell = bell
    painter = Painter(isColored: isColored)
  }

  /// Shows the view until it is over. Blocks the calling thread.
  package mutating func run(_ view: inout some FullScreenView) {
    let signals = TerminalSignals.install(ringing: bell)
    enter()
    while !isOver {
      draw(&view)
      wait(for: &view)
    }
    TerminalModes.leave(waits: true)
    signals.remove()
  }

  /// A terminal that is gone ends it.
  private mutating func enter() {
    painter.forget()
    guard case .success(let sequence) = TerminalModes.enter() else { return isOver = true }
    write(sequence)
  }

  private mutating func draw(_ view: inout some FullScreenView) {
    guard !isOver else { return }
    var canvas = Canvas(size: TerminalDevice.size)
    view.draw(on: &canvas)
    write(painter.update(to: canvas))
  }

  private mutating func write(_ text: String) {
    do throws(TerminalFailure) { try TerminalDevice.write(text) } catch { isOver = true }
  }

  /// Waits until something happens, and acts on it.
  private mutating func wait(for view: inout some FullScreenView) {
    var sources = [STDIN_FILENO, bell.reading].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let decoderDue = decoder.patience.map { ContinuousClock.now + $0 }
    guard poll(&sources, 2, Self.milliseconds(until: [decoderDue, view.dueAt])) >= 0 else { return }
    if sources[1].revents != 0 { answerBell(&view) }
    if sources[0].revents != 0 { readKeys(&view) } else if Self.isOver(decoderDue) { act(on: decoder.flush(), &view) }
    if Self.isOver(view.dueAt) { tell(&view, .due) }
  }

  private mutating func readKeys(_ view: inout some FullScreenView) {
    let bytes = TerminalDevice.read()
    if bytes.isEmpty { isOver = true }
    act(on: decoder.feed(bytes), &view)
  }

  private mutating func act(on inputs: [TerminalInput], _ view: inout some FullScreenView) {
    for input in inputs where !isOver {
      switch input {
      case .key(.control("c")): isOver = true
      case .key(.control("z")): suspend(wholeGroup: true)
      case .key(.control("l")): painter.forget()
      default: tell(&view, .input(input))
      }
    }
  }

  private mutating func answerBell(_ view: inout some FullScreenView) {
    for ring in bell.rings() where !isOver {
      switch ring {
      case .news: tell(&view, .news)
      case .signal(SIGTSTP): suspend(wholeGroup: false)
      // The shell, or whoever stopped it, may have changed the terminal.
      case .signal(SIGCONT): enter()
      case .signal(let number): if TerminalSignals.ends.contains(number) { isOver = true }
      }
    }
  }

  private mutating func suspend(wholeGroup: Bool) {
    TerminalModes.leave(waits: true)
    TerminalSignals.suspend(wholeGroup: wholeGroup)
    enter()
  }

  private mutating func tell(_ view: inout some FullScreenView, _ event: ScreenEvent) {
    if !isOver, !view.handle(event) { isOver = true }
  }

  private static func isOver(_ instant: ContinuousClock.Instant?) -> Bool {
    instant.map { $0 <= .now } ?? false
  }

  /// For `poll`: not less than the time left, and -1 for no instant at all.
  private static func milliseconds(until instants: [ContinuousClock.Instant?]) -> Int32 {
    guard let first = instants.compactMap(\.self).min() else { return -1 }
    return Int32(clamping: max(0, (first - .now).milliseconds + 1))
  }
}

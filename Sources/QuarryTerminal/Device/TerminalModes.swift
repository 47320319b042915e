import Glibc
import Synchronization

/// What the terminal was like before, for whoever ends the full screen: the loop, or a signal handler in the middle of
/// anything.
enum TerminalModes {
  /// Written before it is announced by `isEntered`, by the one thread that owns the screen; the handlers of signals that
  /// end the process read it at most once more than that.
  nonisolated(unsafe) private static var original = termios()
  private static let isEntered = Atomic(false)

  // The other screen, no cursor, no line breaks of the terminal's own, pastes marked as such; and back.
  private static let otherScreen = "\u{1B}[?1049h"
  private static let enterSequence = "\u{1B}[?25l\u{1B}[?7l\u{1B}[?2004h\u{1B}[0m\u{1B}[2J"
  /// Computed, since a handler may not be the first to ask for it.
  private static var leaveSequence: StaticString {
    "\u{1B}[?2026l\u{1B}[?2004l\u{1B}[?7h\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l"
  }

  /// Asks stdin's terminal to hand on every key as it is, and to show the other screen. Also where it does so already, for
  /// a shell may have changed it.
  /// - Returns: what stdout has to be told, or the `errno`. A process in the background waits here to be in the foreground.
  static func enter() -> Result<String, TerminalFailure> {
    let isAgain = isEntered.load(ordering: .acquiring)
    if !isAgain, tcgetattr(STDIN_FILENO, &original) != 0 { return .failure(.now()) }
    var raw = original
    raw.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INLCR | IGNCR | INPCK | ISTRIP | IXON)
    raw.c_oflag &= ~tcflag_t(OPOST)
    raw.c_cflag |= tcflag_t(CS8)
    raw.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG)
    withUnsafeMutableBytes(of: &raw.c_cc) { codes in
      codes[Int(VMIN)] = 1
      codes[Int(VTIME)] = 0
    }
    isEntered.store(true, ordering: .releasing)
    while tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0 {
      guard errno == EINTR else {
        isEntered.store(false, ordering: .releasing)
        return .failure(.now())
      }
    }
    return .success((isAgain ? "" : otherScreen) + enterSequence)
  }

  /// How long a handler waits for a terminal that is busy with what it was told before: in milliseconds.
  private static let patience: Int32 = 1000

  /// As it was before; changes nothing when it is so already. Calls only what a signal handler may call.
  /// - Parameter waits: however long the terminal takes nothing; otherwise a second.
  static func leave(waits: Bool) {
    guard isEntered.exchange(false, ordering: .acquiringAndReleasing) else { return }
    tcsetattr(STDIN_FILENO, TCSANOW, &original)
    var output = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
    guard waits || poll(&output, 1, patience) > 0 else { return }
    _ = write(STDOUT_FILENO, leaveSequence.utf8Start, leaveSequence.utf8CodeUnitCount)
  }
}

/// An `errno` of the terminal, of which there is mostly one reason: it is gone.
struct TerminalFailure: Error {
  let code: Int32

  static func now() -> TerminalFailure { TerminalFailure(code: errno) }
}

import Glibc
import Synchronization

/// Write end of the bell that signals ring; -1 without one.
///
/// Set by `TerminalSignals.install` before the handlers are there, and left as it is after: no two threads race for it.
nonisolated(unsafe) private var bellPipe: Int32 = -1

/// How many signals asked for the end. Handlers run on any thread.
private let requestsToEnd = Atomic(0)

/// What signals do while a program has the whole screen. Those that ask for something ring the bell; those that end the
/// process there and then put the terminal back first. What they did before is back after `remove`.
struct TerminalSignals: ~Copyable {
  static let ends = [SIGINT, SIGTERM, SIGHUP]
  private static let news = [SIGWINCH, SIGTSTP, SIGCONT]
  private static let fatal = [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

  private var before: [(number: Int32, action: sigaction)] = []
  private var maskBefore = sigset_t()

  /// To be called, as `remove`, on the thread that owns the screen: it takes signals too, which threads of a pool and those
  /// they start have blocked.
  /// - Parameter bell: lives as long as the handlers.
  static func install(ringing bell: Bell) -> TerminalSignals {
    bellPipe = bell.writing
    requestsToEnd.store(0, ordering: .relaxed)
    var signals = TerminalSignals()
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &signals.maskBefore)
    for number in news { signals.handle(number, ring) }
    for number in ends { signals.handle(number, askForEnd) }
    for number in fatal { signals.handle(number, restoreAndDie, flags: Int32(bitPattern: UInt32(SA_RESETHAND))) }
    return signals
  }

  consuming func remove() {
    for (number, var action) in before { sigaction(number, &action, nil) }
    var mask = maskBefore
    pthread_sigmask(SIG_SETMASK, &mask, nil)
  }

  /// Stops this process, and those of its group, until the shell lets them go on; as Ctrl-Z does for a program that
  /// knows nothing of it. Where nobody could let it go on, the system does not stop it.
  static func suspend(wholeGroup: Bool) {
    var action = sigaction()
    var handled = sigaction()
    if wholeGroup {
      action.__sigaction_handler.sa_handler = SIG_IGN
      sigaction(SIGTSTP, &action, &handled)
      kill(0, SIGTSTP)
    } else {
      sigaction(SIGTSTP, nil, &handled)
    }
    action.__sigaction_handler.sa_handler = SIG_DFL
    sigaction(SIGTSTP, &action, nil)
    // To this thread, so that it stops before it goes on.
    raise(SIGTSTP)
    sigaction(SIGTSTP, &handled, nil)
  }

  private mutating func handle(_ number: Int32, _ handler: @escaping @convention(c) (Int32) -> Void, flags: Int32 = 0) {
    var action = sigaction()
    var old = sigaction()
    action.__sigaction_handler.sa_handler = handler
    action.sa_flags = SA_RESTART | flags
    guard sigaction(number, &action, &old) == 0 else { return }
    before.append((number, old))
  }

  private static let ring: @convention(c) (Int32) -> Void = { number in
    let saved = errno
    var byte = UInt8(truncatingIfNeeded: number)
    _ = write(bellPipe, &byte, 1)
    errno = saved
  }

  /// The second time at once: the loop may hang in a terminal that takes nothing.
  private static let askForEnd: @convention(c) (Int32) -> Void = { number in
    if requestsToEnd.add(1, ordering: .relaxed).newValue > 1 {
      TerminalModes.leave(waits: false)
      _exit(128 + number)
    }
    ring(number)
  }

  private static let restoreAndDie: @convention(c) (Int32) -> Void = { number in
    TerminalModes.leave(waits: false)
    raise(number)
  }
}

import Glibc

/// Before anything has begun that would have to be ended: SIGINT and SIGTERM end the process with the code of a command that
/// was refused, though a call waits for a store.
struct EarlySignals {
  private static let numbers = [SIGINT, SIGTERM]

  private let before: [sigaction]

  init() {
    before = Self.numbers.map { number in
      var (action, before) = (sigaction(), sigaction())
      action.__sigaction_handler.sa_handler = { _ in
        let text: StaticString = "quarry: interrupted before anything began\n"
        _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
        _exit(2)
      }
      sigaction(number, &action, &before)
      return before
    }
  }

  func end() {
    for (number, before) in zip(Self.numbers, before) {
      var before = before
      sigaction(number, &before, nil)
    }
  }
}

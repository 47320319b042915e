import Glibc
import QuarryCore

/// Waits between two looks at a dataset that others write, until Ctrl-C, SIGTERM, the end of its terminal, or of
/// whoever reads stdout.
struct TailPause: Sendable {
  /// Milliseconds between two looks, each of which reads one small file.
  private static let interval: Int32 = 200

  private let stopped = SharedFlag()

  private init() {}

  /// From now on signals end the waiting, and a second one the process.
  static func untilSignal() throws(QuarryError) -> TailPause {
    let pause = TailPause()
    try SignalWatch.start(survivesHangUp: false) { [stopped = pause.stopped] _, count in
      stopped.raise()
      // Whoever reads stdout may have stopped reading.
      if count > 1 { _exit(ExitCode.failure) }
    }
    return pause
  }

  var isStopped: Bool { stopped.isRaised }

  /// - Returns: false when nobody wants more.
  func wait() -> Bool {
    // Asked for nothing, it tells of errors alone: a pipe whose reader has gone.
    var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
    let isTold = poll(&output, 1, Self.interval) > 0
    return !isStopped && !isTold
  }
}

import Glibc
import QuarryCore

/// The end of a command that prints until nobody wants more.
enum ReaderEnd {
  /// Call once.
  /// - Parameter end: called, from any thread, by SIGINT, SIGTERM and the end of the terminal, and when nobody reads stdout
  ///   any more. A second signal ends the process.
  static func watch(_ end: @escaping @Sendable () -> Void) throws(QuarryError) {
    try SignalWatch.start(survivesHangUp: false) { _, count in
      end()
      // A reader that takes nothing keeps the first one from being heard.
      if count > 1 { _exit(ExitCode.failure) }
    }
    Task {
      await OwnThread.run {
        // Asked for nothing, it tells of errors alone: a pipe whose reader has gone.
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        while poll(&output, 1, -1) < 0, errno == EINTR {}
      }
      end()
    }
  }
}

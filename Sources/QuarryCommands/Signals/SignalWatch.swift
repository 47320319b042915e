import Foundation
import Glibc
import QuarryCore

/// Write end of the pipe that signal handlers write to; -1 until `SignalWatch.start`.
///
/// Set once, before the handlers that read it are installed, and never changed after: no two threads race for it.
nonisolated(unsafe) private var signalPipe: Int32 = -1

/// Hands the process' signals to a listener, on a thread of its own, where it may do anything.
///
/// Handlers, not masks or ignoring: children are started with every signal at its default.
enum SignalWatch {
  /// Call once. A signal that arrives again while the listener runs is delivered after it.
  /// - Parameters:
  ///   - survivesHangUp: SIGHUP is taken note of and no more: a crawl goes on when its terminal closes. Else it stops as
  ///     the others do, unless whoever started the process had it ignored (`nohup`).
  ///   - onStop: SIGINT, SIGTERM or such a SIGHUP; `count` is 1 at the first of them, 2 at the second …
  static func start(
    survivesHangUp: Bool = true, onStop: @escaping @Sendable (_ signal: Int32, _ count: Int) -> Void
  ) throws(QuarryError) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else {
      throw QuarryError(.usage, "no pipe for signals: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    signalPipe = ends[1]
    let readEnd = ends[0]
    let survived: Set<Int32> = survivesHangUp ? [SIGHUP] : []
    let thread = Thread { listen(readEnd, survived: survived, onStop) }
    thread.name = "signals"
    thread.start()
    for number in [SIGINT, SIGTERM] { install(number) }
    if survivesHangUp || !isIgnored(SIGHUP) { install(SIGHUP) }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private static func install(_ number: Int32) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { number in
      let saved = errno
      var byte = UInt8(truncatingIfNeeded: number)
      _ = write(signalPipe, &byte, 1)
      errno = saved
    }
    action.sa_flags = SA_RESTART
    sigaction(number, &action, nil)
  }

  private static func listen(_ descriptor: Int32, survived: Set<Int32>, _ onStop: (Int32, Int) -> Void) {
    var count = 0
    var byte: UInt8 = 0
    while true {
      let got = read(descriptor, &byte, 1)
      if got < 0, errno == EINTR { continue }
      guard got == 1 else { return }
      guard !survived.contains(Int32(byte)) else { continue }
      count += 1
      onStop(Int32(byte), count)
    }
  }
}

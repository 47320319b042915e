import Foundation
import Glibc

/// Ends the process when something has not ended by itself in time. What the process owns (executors, an embedded
/// Redis) is kept by shepherds that act on its death, so nothing is left behind.
enum Deadline {
  /// - Parameter last: asked when the time has come: the exit code, and what is said on stderr before the end.
  static func endProcess(
    after delay: Duration, console: Console, _ last: @escaping @Sendable () -> (exitCode: Int32, message: String)
  ) {
    let thread = Thread {
      Thread.sleep(forTimeInterval: Double(delay.milliseconds) / 1_000)
      let (exitCode, message) = last()
      console.say(message)
      _exit(exitCode)
    }
    thread.name = "deadline"
    thread.start()
  }
}

import Foundation
import Glibc

/// Ends the process when something has not ended by itself in time. What the process owns (executors, an embedded
/// Redis) is kept by shepherds that act on its death, so nothing is left behind.
enum Deadline {
  /// - Parameter message: said on stderr before the end.
  static func endProcess(after delay: Duration, exitCode: Int32, console: Console, message: String) {
    let thread = Thread {
      Thread.sleep(forTimeInterval: Double(delay.milliseconds) / 1_000)
      console.say(message)
      _exit(exitCode)
    }
    thread.name = "deadline"
    thread.start()
  }
}

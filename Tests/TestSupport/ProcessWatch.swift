import CLinux
import Foundation
import QuarryCore

/// Waits for the ends of processes, whoever started them.
package enum ProcessWatch {
  /// Returns when the process is dead, reaped or not.
  /// - Returns: false when it lives after all that time.
  package static func ends(_ process: pid_t, within limit: Duration = .seconds(30)) async -> Bool {
    await OwnThread.run {
      let file = pidfd_open(process, 0)
      guard file >= 0 else { return errno == ESRCH }
      defer { close(file) }
      var wait = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
      while true {
        let ready = poll(&wait, 1, Int32(limit.milliseconds))
        if ready >= 0 || errno != EINTR { return ready > 0 }
      }
    }
  }

  /// Returns when `find` finds none any more.
  /// - Returns: false when one of those that it found lives after all that time.
  package static func noneIsLeft(within limit: Duration = .seconds(30), _ find: () -> [pid_t]) async -> Bool {
    while let process = find().first {
      guard await ends(process, within: limit) else { return false }
    }
    return true
  }
}

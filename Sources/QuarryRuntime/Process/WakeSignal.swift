import CLinux
import Glibc

/// Wakes a thread that waits in `poll`, from any other thread. Raising it again before it is cleared changes nothing.
final class WakeSignal: Sendable {
  /// Polls readable while raised; negative when the process is out of descriptors, which `poll` passes over.
  let number: Int32

  init() { number = eventfd(0, O_CLOEXEC | O_NONBLOCK) }

  deinit { if number >= 0 { close(number) } }

  func raise() {
    var one: UInt64 = 1
    _ = write(number, &one, 8)
  }

  /// Blocks until it is raised, and leaves it raised.
  func wait() {
    var wait = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    while poll(&wait, 1, -1) < 0 && errno == EINTR {}
  }

  func clear() {
    var count: UInt64 = 0
    _ = read(number, &count, 8)
  }
}

/// The clock that leases are counted on: nanoseconds since the machine started, the time it slept included.
package enum BootClock {
  package static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// The instant `duration` from now; a negative duration counts as none, and one without end as the last instant.
  package static func after(_ duration: Duration) -> UInt64 {
    let (length, isTooLong) = UInt64(max(0, duration.milliseconds)).multipliedReportingOverflow(by: 1_000_000)
    let (instant, isTooLate) = now().addingReportingOverflow(length)
    return isTooLong || isTooLate ? .max : instant
  }
}

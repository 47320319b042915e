import CLinux
import Glibc
import QuarryCore

/// An open file descriptor of this process, closed when its owner goes.
package struct Descriptor: ~Copyable, Sendable {
  package let number: Int32

  package init(owning number: Int32) { self.number = number }

  deinit { close(number) }

  /// Reads and writes answer at once, with `EAGAIN` where they would wait. Holds for this end of a pipe alone.
  static func makeNonBlocking(_ number: Int32) {
    _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
  }
}

/// Both ends of a pipe; a child gets neither unless it is handed over by `Spawner`.
struct Pipe: ~Copyable {
  var reading: Descriptor
  var writing: Descriptor

  private static let setCapacity: Int32 = 1031  // F_SETPIPE_SZ

  /// - Parameter capacity: in bytes; a wish that the kernel refuses beyond a user's share.
  /// - Throws: `QuarryError(.executor)` when this process is out of descriptors.
  init(capacity: Int32 = 0) throws(QuarryError) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else {
      throw QuarryError(
        .executor, "no pipe for the executor: \(errorText(errno))",
        remedy: "raise the limit on open files (ulimit -n) or run fewer at once")
    }
    if capacity > 0 { _ = fcntl(ends[1], Self.setCapacity, capacity) }
    reading = Descriptor(owning: ends[0])
    writing = Descriptor(owning: ends[1])
  }
}

/// The system's words for an `errno`.
func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }

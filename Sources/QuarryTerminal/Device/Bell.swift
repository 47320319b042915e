import CLinux
import Glibc
import QuarryCore

/// Wakes the thread that waits for keys, from any thread and from signal handlers.
package final class Bell: Sendable {
  /// What woke it.
  enum Ring: Equatable {
    case news
    case signal(Int32)
  }

  /// Polls readable when it was rung.
  let reading: Int32
  let writing: Int32

  /// - Throws: `QuarryError(.usage)` when the process has no descriptors left.
  package init() throws(QuarryError) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else {
      throw QuarryError(
        .usage, "no pipe for the terminal: \(String(cString: strerror(errno)))",
        remedy: "raise the limit on open files (ulimit -n)")
    }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    close(reading)
    close(writing)
  }

  /// There is something new for the view.
  package func ring() {
    var news: UInt8 = 0
    // A pipe that is full wakes all the same.
    _ = write(writing, &news, 1)
  }

  /// What it was rung for since it was last asked.
  func rings() -> [Ring] {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(reading, &bytes, bytes.count)
    return bytes.prefix(max(0, count)).map { $0 == 0 ? .news : .signal(Int32($0)) }
  }
}

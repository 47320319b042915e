import Glibc
import QuarryCore

/// A flock on a file, held until the last reference is gone. The kernel releases it when the process dies, however
/// that happens; child processes never get it by accident.
final class FileLock: Sendable {
  enum Mode {
    case shared, exclusive

    fileprivate var operation: Int32 { self == .shared ? LOCK_SH : LOCK_EX }
  }

  let descriptor: Int32

  /// - Returns: nil when another holds it.
  static func take(_ path: String, _ mode: Mode) throws(QuarryError) -> FileLock? {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw QuarryError(.redis, "cannot open the lock \(path): \(String(cString: strerror(errno)))")
    }
    let lock = FileLock(descriptor)
    return flock(descriptor, mode.operation | LOCK_NB) == 0 ? lock : nil
  }

  /// Waits for it; a blocking flock could not be given a deadline.
  /// - Returns: nil when the deadline has passed.
  static func wait(
    for path: String, _ mode: Mode, until deadline: ContinuousClock.Instant
  ) throws(QuarryError) -> FileLock? {
    while true {
      if let lock = try take(path, mode) { return lock }
      guard ContinuousClock.now < deadline else { return nil }
      usleep(20_000)
    }
  }

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }
}

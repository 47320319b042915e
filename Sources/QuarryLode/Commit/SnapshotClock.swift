import QuarryCore
import Synchronization

/// Hands out snapshot ids: the time in nanoseconds, and never one twice in this process. Commits that wait do so by it.
package final class SnapshotClock: Sendable {
  private let last = Mutex<UInt64>(0)
  private let now: @Sendable () -> Timestamp
  /// Blocks the thread for so long.
  let wait: @Sendable (Duration) -> Void

  package init(
    now: @escaping @Sendable () -> Timestamp = Timestamp.now,
    wait: @escaping @Sendable (Duration) -> Void = { OwnThread.block(for: $0) }
  ) {
    self.now = now
    self.wait = wait
  }

  /// An id greater than all handed out before, and than `id`.
  package func next(after id: SnapshotID? = nil) -> SnapshotID {
    let time = UInt64(max(1, now().nanoseconds))
    return last.withLock { last in
      last = max(time, last + 1, (id?.value ?? 0) + 1)
      return SnapshotID(last)
    }
  }

  package func time() -> Timestamp { now() }
}

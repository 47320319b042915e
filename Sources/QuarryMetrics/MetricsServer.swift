import CLinux
import Dispatch
import Glibc
import QuarryCore
import Synchronization

/// Answers `/metrics` and `/healthz`, on one thread of its own that never waits for a client. Metrics are collected in a
/// task, once for all who wait for them.
package final class MetricsServer: Sendable {
  struct Mail {
    /// What was collected, for all who wait.
    var text: String?
    var isStopped = false
  }
  /// With the port that was taken.
  package let address: MetricsAddress
  private let mail = Mutex(Mail())
  private let wakeDescriptor: Int32
  private let collect: @Sendable () async -> [MetricFamily]
  private let health: @Sendable () -> String?
  /// How long a client may take, in nanoseconds.
  let patience: UInt64
  private let hasEnded = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - collect: must answer within a few seconds, whatever is away.
  ///   - health: nil when all is well, else why not, in words without secrets. Must not block.
  ///   - patience: how long a client may take.
  package init(
    _ listener: MetricsListener, collect: @escaping @Sendable () async -> [MetricFamily],
    health: @escaping @Sendable () -> String? = { nil }, patience: Duration = .seconds(10)
  ) {
    address = listener.address
    self.collect = collect
    self.health = health
    self.patience = UInt64(patience.inSeconds * 1e9)
    wakeDescriptor = eventfd(0, O_CLOEXEC | O_NONBLOCK)
    precondition(wakeDescriptor >= 0, "no file descriptor is left for serving metrics")
    OwnThread.start { [self] in
      MetricsLoop.run(listener, wakeDescriptor: wakeDescriptor, server: self)
      listener.stop()
      hasEnded.signal()
    }
  }

  deinit { close(wakeDescriptor) }

  /// Returns when nobody is served any more and the socket is gone. Blocks for a moment.
  package func stop() {
    mail.withLock { $0.isStopped = true }
    wake()
    hasEnded.wait()
  }

  // MARK: for the loop

  var isStopped: Bool { mail.withLock { $0.isStopped } }
  var healthResponse: (status: Int, body: String) { health().map { (503, $0 + "\n") } ?? (200, "ok\n") }

  func startCollecting() {
    Task { [self] in
      let text = Exposition.text(await collect())
      mail.withLock { $0.text = text }
      wake()
    }
  }

  func takeText() -> String? {
    var count: UInt64 = 0
    _ = read(wakeDescriptor, &count, 8)
    return mail.withLock { mail in
      defer { mail.text = nil }
      return mail.text
    }
  }

  private func wake() {
    var one: UInt64 = 1
    _ = write(wakeDescriptor, &one, 8)
  }
}

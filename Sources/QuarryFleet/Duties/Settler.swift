import QuarryCore
import Synchronization

/// Writes the ledger records of what this process brought to its end, then tells Redis, so that notifications go out
/// and jobs finish. All that gathers during one commit goes into the next.
final class Settler: Sendable {
  private let queue: FleetQueue
  private let ledger: LedgerWriter
  private let caller: PatientCaller
  private let clock: FleetClock
  private let waiting = Mutex<[PendingEntry]>([])
  private let work: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation
  private let onRefusal: @Sendable (QuarryError?) -> Void
  private let onSettled: @Sendable (Int) -> Void

  /// - Parameters:
  ///   - onRefusal: called with the error when the ledger refuses, and with nil when it takes records again.
  ///   - onSettled: called with the number of entries that are recorded.
  init(
    queue: FleetQueue, ledger: LedgerWriter, caller: PatientCaller, clock: FleetClock,
    onRefusal: @escaping @Sendable (QuarryError?) -> Void, onSettled: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.queue = queue
    self.ledger = ledger
    self.caller = caller
    self.clock = clock
    self.onRefusal = onRefusal
    self.onSettled = onSettled
    (work, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func add(_ entries: [PendingEntry]) {
    waiting.withLock { $0 += entries }
    signal.yield()
  }

  func run() async {
    for await _ in work {
      while let batch = take() { await settle(batch) }
    }
  }

  /// Returns when the entries are recorded and Redis knows it, or the surrounding task is cancelled.
  func settle(_ batch: [PendingEntry]) async {
    var backoff = Backoff()
    var wasRefused = false
    while !Task.isCancelled {
      do throws(QuarryError) {
        try await ledger.append(batch)
        break
      } catch {
        wasRefused = true
        onRefusal(error)
      }
      await clock.sleep(backoff.next(draw: .random(in: 0..<1)))
    }
    guard !Task.isCancelled else { return }
    if wasRefused { onRefusal(nil) }
    let requestID = UUIDv7.make()
    _ = await caller.call { () async throws(QuarryError) in try await queue.settle(batch, requestID: requestID) }
    onSettled(batch.count)
  }

  private func take() -> [PendingEntry]? {
    waiting.withLock { waiting in
      guard !waiting.isEmpty else { return nil }
      let batch = Array(waiting.prefix(500))
      waiting.removeFirst(batch.count)
      return batch
    }
  }
}

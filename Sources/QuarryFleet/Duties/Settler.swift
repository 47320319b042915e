import QuarryCore
import Synchronization

/// Writes the ledger records of what this process brought to its end, then tells Redis, so that notifications go out
/// and jobs finish. All that gathers during one commit goes into the next. Jobs are independent: what the ledger of
/// one refuses holds up no other, and is not written twice.
final class Settler: Sendable {
  private let queue: FleetQueue
  private let ledger: LedgerWriter
  private let caller: PatientCaller
  private let clock: FleetClock
  private let waiting = Mutex<[String: [PendingEntry]]>([:])
  private let work: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation
  private let onRefusal: @Sendable (QuarryError?) -> Void
  private let onSettled: @Sendable (Int) -> Void

  /// Most entries of a job in one commit.
  static let batch = 500

  /// - Parameters:
  ///   - onRefusal: called with the error when the ledger refuses, and with nil when all was taken again.
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
    waiting.withLock { waiting in
      for entry in entries { waiting[entry.jobID, default: []].append(entry) }
    }
    signal.yield()
  }

  /// Tries until everything is recorded, or the surrounding task is cancelled.
  func run() async {
    for await _ in work {
      var backoff = Backoff()
      while case let batch = take(), !batch.isEmpty, !Task.isCancelled {
        let refused = await settle(batch)
        guard !refused.isEmpty else {
          if backoff.hasFailed { onRefusal(nil) }
          backoff.reset()
          continue
        }
        putBack(refused)
        await clock.sleep(backoff.next(draw: .random(in: 0..<1)))
      }
    }
  }

  /// One try for each job.
  /// - Returns: what a ledger refused; Redis still has it as pending.
  func settle(_ batch: [PendingEntry]) async -> [PendingEntry] {
    var refused: [PendingEntry] = []
    for (jobID, entries) in Dictionary(grouping: batch, by: \.jobID).sorted(by: { $0.key < $1.key }) {
      do throws(QuarryError) {
        try await ledger.append(entries.map(\.entry), jobID: jobID)
      } catch {
        onRefusal(error)
        refused += entries
        continue
      }
      let requestID = UUIDv7.make()
      _ = await caller.call { () async throws(QuarryError) in try await queue.settle(entries, requestID: requestID) }
      onSettled(entries.count)
    }
    return refused
  }

  private func take() -> [PendingEntry] {
    waiting.withLock { waiting in
      var batch: [PendingEntry] = []
      for (jobID, entries) in waiting {
        batch += entries.prefix(Self.batch)
        waiting[jobID] = entries.count > Self.batch ? Array(entries.dropFirst(Self.batch)) : nil
      }
      return batch
    }
  }

  /// In front, so that a job's entries keep their order.
  private func putBack(_ refused: [PendingEntry]) {
    waiting.withLock { waiting in
      for (jobID, entries) in Dictionary(grouping: refused, by: \.jobID) {
        waiting[jobID] = entries + (waiting[jobID] ?? [])
      }
    }
  }
}

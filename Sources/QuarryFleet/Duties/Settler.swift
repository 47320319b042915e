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
  private let waiting = Mutex(Waiting())
  private let work: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation
  private let onRefusal: @Sendable (QuarryError?) -> Void
  private let onSettled: @Sendable (Int) -> Void

  /// What is not recorded yet, by job.
  private struct Waiting {
    var entries: [String: [PendingEntry]] = [:]
    /// Jobs whose ledger has just refused.
    var resting: Set<String> = []
  }

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
      for entry in entries { waiting.entries[entry.jobID, default: []].append(entry) }
    }
    signal.yield()
  }

  /// Tries until everything is recorded, or the surrounding task is cancelled. A job whose ledger refuses rests for a
  /// while of its own.
  func run() async {
    await withDiscardingTaskGroup { group in
      var backoffs: [String: Backoff] = [:]
      for await _ in work {
        while case let batch = take(), !batch.isEmpty, !Task.isCancelled {
          let refused = Dictionary(grouping: await settle(batch), by: \.jobID)
          let hadRefusals = !backoffs.isEmpty
          for entry in batch where refused[entry.jobID] == nil { backoffs[entry.jobID] = nil }
          if hadRefusals, backoffs.isEmpty, refused.isEmpty { onRefusal(nil) }
          for (jobID, entries) in refused {
            let pause = backoffs[jobID, default: Backoff()].next(draw: .random(in: 0..<1))
            putBack(entries, of: jobID)
            group.addTask {
              await self.clock.sleep(pause)
              self.wake(jobID)
            }
          }
        }
      }
      group.cancelAll()
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
      for (jobID, entries) in waiting.entries where !waiting.resting.contains(jobID) {
        batch += entries.prefix(Self.batch)
        waiting.entries[jobID] = entries.count > Self.batch ? Array(entries.dropFirst(Self.batch)) : nil
      }
      return batch
    }
  }

  /// In front, so that a job's entries keep their order.
  private func putBack(_ refused: [PendingEntry], of jobID: String) {
    waiting.withLock { waiting in
      waiting.entries[jobID] = refused + (waiting.entries[jobID] ?? [])
      waiting.resting.insert(jobID)
    }
  }

  private func wake(_ jobID: String) {
    waiting.withLock { _ = $0.resting.remove(jobID) }
    signal.yield()
  }
}

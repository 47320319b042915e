import Dispatch
import QuarryCore

/// Writes and reads ledger entries from a queue of its own, since a `Ledger` blocks and the cooperative pool must not.
package struct LedgerWriter: Sendable {
  private let ledger: any Ledger
  private let fleet: String
  private let clock: FleetClock
  private let thread = DispatchQueue(label: "quarry.ledger")

  package init(ledger: any Ledger, fleet: String, clock: FleetClock = .system) {
    self.ledger = ledger
    self.fleet = fleet
    self.clock = clock
  }

  /// Writes the entries of one job in one commit; durable when it returns.
  package func append(_ entries: [LedgerEntry], jobID: String) async throws(QuarryError) {
    let lines = entries.flatMap { LedgerLine.encode($0, jobID: jobID, time: clock.wall()) }
    try await perform { [ledger, fleet] () throws(QuarryError) in try ledger.append(lines, fleet: fleet, jobID: jobID) }
  }

  /// What the job's ledger says now.
  package func read(jobID: String) async throws(QuarryError) -> JobLedger {
    try await perform { [ledger, fleet] () throws(QuarryError) in
      try JobLedger(reading: ledger, fleet: fleet, jobID: jobID)
    }
  }

  private func perform<Value: Sendable>(
    _ body: @escaping @Sendable () throws(QuarryError) -> Value
  ) async throws(QuarryError) -> Value {
    let result = await withCheckedContinuation { (done: CheckedContinuation<Result<Value, QuarryError>, Never>) in
      thread.async {
        do throws(QuarryError) { done.resume(returning: .success(try body())) } catch {
          done.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }
}

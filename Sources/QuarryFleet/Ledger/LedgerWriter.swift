import Dispatch
import QuarryCore

/// Writes ledger entries from a queue of its own, since a `Ledger` blocks and the cooperative pool must not.
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
    let lines = entries.map { LedgerLine.encode($0, jobID: jobID, time: clock.wall()) }
    let result = await withCheckedContinuation { (done: CheckedContinuation<Result<Void, QuarryError>, Never>) in
      thread.async { [ledger, fleet] in
        do throws(QuarryError) {
          try ledger.append(lines, fleet: fleet, jobID: jobID)
          done.resume(returning: .success(()))
        } catch { done.resume(returning: .failure(error)) }
      }
    }
    try result.get()
  }

  /// Writes entries of any jobs, one commit a job, in their order within each job.
  package func append(_ entries: [PendingEntry]) async throws(QuarryError) {
    for (jobID, ofJob) in Dictionary(grouping: entries, by: \.jobID).sorted(by: { $0.key < $1.key }) {
      try await append(ofJob.map(\.entry), jobID: jobID)
    }
  }
}

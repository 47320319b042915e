import Dispatch
import QuarryCore

/// Writes and reads ledger entries from a queue of its own, since a `Ledger` blocks and the cooperative pool must not.
package struct LedgerWriter: Sendable {
  private let ledger: any Ledger
  private let fleet: String
  private let clock: FleetClock
  private let silence: SilenceWatch?
  private let thread = DispatchQueue(label: "quarry.ledger")

  package init(ledger: any Ledger, fleet: String, clock: FleetClock = .system) {
    self.init(ledger: ledger, fleet: fleet, clock: clock, silence: nil)
  }

  /// - Parameter silence: told what the ledger is asked and when it has answered.
  init(ledger: any Ledger, fleet: String, clock: FleetClock, silence: SilenceWatch?) {
    self.ledger = ledger
    self.fleet = fleet
    self.clock = clock
    self.silence = silence
  }

  /// Writes the entries of one job in one commit; durable when it returns.
  package func append(_ entries: [LedgerEntry], jobID: String) async throws(QuarryError) {
    let lines = entries.flatMap { LedgerLine.encode($0, jobID: jobID, time: clock.wall()) }
    // Where a writer has died in the middle of a commit to a bucket, the next one waits for its lease.
    try await perform(jobID, patience: .seconds(25)) { [ledger, fleet] () throws(QuarryError) in
      try ledger.append(lines, fleet: fleet, jobID: jobID)
    }
  }

  /// What the job's ledger says now.
  package func read(jobID: String) async throws(QuarryError) -> JobLedger {
    // A long ledger takes its time, and nothing is known of it before its end.
    try await perform(jobID, patience: .seconds(30)) { [ledger, fleet] () throws(QuarryError) in
      try JobLedger(reading: ledger, fleet: fleet, jobID: jobID)
    }
  }

  private func perform<Value: Sendable>(
    _ jobID: String, patience: Duration, _ body: @escaping @Sendable () throws(QuarryError) -> Value
  ) async throws(QuarryError) -> Value {
    let result = await withCheckedContinuation { (done: CheckedContinuation<Result<Value, QuarryError>, Never>) in
      thread.async { [silence] in
        silence?.asks(of: jobID, patience: patience)
        defer { silence?.answered() }
        do throws(QuarryError) { done.resume(returning: .success(try body())) } catch {
          done.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }
}

import QuarryCore
import Synchronization

/// Requeues dead tasks of a job that Redis has lost or let go of: its ledger says which there are, is told that they run
/// again, and brings the job back.
package struct LedgerRequeue: Sendable {
  private let queue: FleetQueue
  private let ledger: LedgerWriter
  private let storage: StorageIdentity
  private let retries: RetryBudgets
  private let timing: LeaseTiming

  package init(
    queue: FleetQueue, ledger: any Ledger, storage: StorageIdentity, retries: RetryBudgets, timing: LeaseTiming
  ) {
    self.queue = queue
    self.ledger = LedgerWriter(ledger: ledger, fleet: queue.fleet)
    self.storage = storage
    self.retries = retries
    self.timing = timing
  }

  /// - Returns: the tasks that fit, whether they were requeued or only looked at.
  /// - Throws: `QuarryError(.usage)` for a job that goes on, which is requeued in Redis, and one that the ledger lacks.
  package func requeue(
    _ jobID: String, _ filter: RequeueFilter, onlyLooks: Bool
  ) async throws(QuarryError) -> [EndedTaskRecord] {
    if let job = try await queue.job(jobID), !job.status.isFinished {
      throw QuarryError(.usage, "job '\(jobID)' goes on", remedy: "requeue without --from-ledger")
    }
    let stored = try await ledger.read(jobID: jobID)
    guard stored.job != nil else {
      throw QuarryError(
        .usage, "the dataset's ledger has no job '\(jobID)' of fleet '\(queue.fleet)'",
        remedy: "name the dataset and the fleet it ran with: --storage-path, --storage-dataset and --fleet")
    }
    let dead = stored.dead.values.sorted { $0.task.taskID < $1.task.taskID }
    var fitting: [EndedTaskRecord] = []
    for record in dead { if try filter.fits(record) { fitting.append(record) } }
    if fitting.isEmpty || onlyLooks { return fitting }
    try await ledger.append(fitting.map { .requeued(taskID: $0.task.taskID) }, jobID: jobID)
    try await bringBack(jobID)
    return fitting
  }

  /// One try: what stands in the ledger is done by `--rebuild` whenever Redis is there again.
  private func bringBack(_ jobID: String) async throws(QuarryError) {
    let failures = Failures()
    let caller = PatientCaller(clock: .system, watch: RedisWatch { _ in }, onLost: { failures.note($0) })
    let rebuilder = JobRebuilder(
      queue: queue, ledger: ledger, caller: caller, storage: storage, retries: retries, timing: timing)
    guard try await rebuilder.rebuild(jobID, isForced: true) == nil else { return }
    throw failures.first ?? QuarryError(.fleet, "the job was not brought back")
  }
}

extension RequeueFilter {
  fileprivate func fits(_ record: EndedTaskRecord) throws(QuarryError) -> Bool {
    if let failure, record.failure != failure { return false }
    if let error, record.reason.firstRange(of: error) == nil { return false }
    guard let host else { return true }
    return try record.task.work.host == WorkHost.normalise(host)
  }
}

/// The first error of several.
private final class Failures: Sendable {
  private let error = Mutex<QuarryError?>(nil)

  var first: QuarryError? { error.withLock { $0 } }

  func note(_ new: QuarryError) { error.withLock { $0 = $0 ?? new } }
}

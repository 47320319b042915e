import QuarryCore
import QuarryFleet
import QuarryLode

/// A task that ended, as the ledger has it.
struct LedgerTask: Sendable {
  let taskID: String
  let jobID: String
  /// `done`, `dead` or `cancelled`.
  let state: String
  let runID: String?
  let target: String
  let depth: Int
  let attempt: Int?
  let error: String?
}

/// The ended tasks of a dataset's fleets, read without Redis.
enum LedgerTasks {
  /// - Parameter jobID: nil for all jobs.
  static func read(
    _ reader: LodeReader, _ ledger: some Ledger, jobID: String?
  ) throws(QuarryError) -> [LedgerTask] {
    var tasks: [LedgerTask] = []
    for job in try reader.ledgerJobs() where jobID == nil || job.jobID == jobID {
      let replayed = try JobLedger(reading: ledger, fleet: job.fleet, jobID: job.jobID)
      tasks += replayed.accepted.values.map { LedgerTask($0, jobID: job.jobID) }
      tasks += replayed.dead.values.map { LedgerTask($0, state: "dead", jobID: job.jobID) }
      tasks += replayed.cancelled.values.map { LedgerTask($0, state: "cancelled", jobID: job.jobID) }
    }
    return tasks.sorted { $0.taskID < $1.taskID }
  }
}

extension LedgerTask {
  init(_ record: AcceptedRecord, jobID: String) {
    self.init(
      taskID: record.task.taskID, jobID: jobID, state: "done", runID: record.runID, target: record.task.work.target,
      depth: record.task.depth, attempt: record.task.attempt, error: nil)
  }

  init(_ record: EndedTaskRecord, state: String, jobID: String) {
    self.init(
      taskID: record.task.taskID, jobID: jobID, state: state, runID: nil, target: record.task.work.target,
      depth: record.task.depth, attempt: record.task.attempt, error: "\(record.failure): \(record.reason)")
  }
}

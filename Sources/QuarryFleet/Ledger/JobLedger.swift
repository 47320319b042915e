import QuarryCore

/// What a job's ledger says, replayed in the order of its chain; needs no Redis.
package struct JobLedger: Sendable {
  package let jobID: String
  package private(set) var job: JobRecord?
  /// The run that counts for each task. Were two ever accepted (Redis lost its last second), the first counts.
  package private(set) var accepted: [String: AcceptedRecord] = [:]
  package private(set) var dead: [String: EndedTaskRecord] = [:]
  package private(set) var cancelled: [String: EndedTaskRecord] = [:]
  /// Runs of accepted records that came second for their task.
  package private(set) var superseded: [AcceptedRecord] = []

  package init(jobID: String) { self.jobID = jobID }

  /// Reads all records of a job. Blocking: call it from a thread of its own.
  package init(reading ledger: any Ledger, fleet: String, jobID: String) throws(QuarryError) {
    self.init(jobID: jobID)
    for line in try ledger.records(fleet: fleet, jobID: jobID) {
      if let entry = try LedgerLine.decode(line) { apply(entry) }
    }
  }

  package mutating func apply(_ entry: LedgerEntry) {
    switch entry {
    case .job(let record): job = job ?? record
    case .accepted(let record): accept(record)
    case .dead(let record): if accepted[record.taskID] == nil { dead[record.taskID] = record }
    case .cancelled(let record): cancelled[record.taskID] = record
    case .requeued(let taskID):
      dead[taskID] = nil
      cancelled[taskID] = nil
    }
  }

  /// The ids of the runs whose records are the job's result.
  package var acceptedRunIDs: Set<String> { Set(accepted.values.map(\.runID)) }

  private mutating func accept(_ record: AcceptedRecord) {
    if let first = accepted[record.taskID] {
      if first.runID != record.runID { superseded.append(record) }
      return
    }
    accepted[record.taskID] = record
    dead[record.taskID] = nil
  }
}

import QuarryCore

/// What a job's ledger says, replayed in the order of its chain; needs no Redis.
package struct JobLedger: Sendable {
  package let jobID: String
  package private(set) var job: JobRecord?
  /// The run that counts for each task. Were two ever accepted (Redis lost its last second), the first counts.
  package private(set) var accepted: [String: AcceptedRecord] = [:]
  /// Ids of accepted tasks, in the order in which they were.
  package private(set) var acceptedOrder: [String] = []
  package private(set) var dead: [String: EndedTaskRecord] = [:]
  package private(set) var cancelled: [String: EndedTaskRecord] = [:]
  /// Tasks that died, and have to run again.
  package private(set) var requeued: [String: EndedTaskRecord] = [:]
  /// Runs of accepted records that came second for their task.
  package private(set) var superseded: [AcceptedRecord] = []
  /// Nothing but a `job` record was read: the job was submitted and nothing of it has ended.
  package var hasOnlyBegun: Bool { job != nil && accepted.isEmpty && dead.isEmpty && cancelled.isEmpty }
  /// Children of runs whose `accepted` has not come yet, by run and part.
  private var parts: [String: [Int: [WorkRecord]]] = [:]

  package init(jobID: String) { self.jobID = jobID }

  /// Reads all records of a job. Blocking: call it from a thread of its own.
  package init(reading ledger: any Ledger, fleet: String, jobID: String) throws(QuarryError) {
    self.init(jobID: jobID)
    for line in try ledger.records(fleet: fleet, jobID: jobID) {
      if let entry = try LedgerLine.decode(line) { try apply(entry) }
    }
  }

  /// - Throws: `QuarryError(.storage)` when lines that belong together are not all there.
  package mutating func apply(_ entry: LedgerEntry) throws(QuarryError) {
    switch entry {
    case .job(let record): job = job ?? record
    case .children(let record): parts[record.runID, default: [:]][record.part] = record.children
    case .accepted(let record): accept(try whole(record))
    case .dead(let record):
      guard accepted[record.task.taskID] == nil, cancelled[record.task.taskID] == nil else { return }
      dead[record.task.taskID] = record
      requeued[record.task.taskID] = nil
    case .cancelled(let record):
      guard accepted[record.task.taskID] == nil else { return }
      cancelled[record.task.taskID] = record
      dead[record.task.taskID] = nil
      requeued[record.task.taskID] = nil
    case .requeued(let taskID): if let record = dead.removeValue(forKey: taskID) { requeued[taskID] = record }
    }
  }

  /// The ids of the runs whose records are the job's result.
  package var acceptedRunIDs: Set<String> { Set(accepted.values.map(\.runID)) }

  private mutating func accept(_ record: AcceptedRecord) {
    let taskID = record.task.taskID
    if let first = accepted[taskID] {
      if first.runID != record.runID { superseded.append(record) }
      return
    }
    accepted[taskID] = record
    acceptedOrder.append(taskID)
    dead[taskID] = nil
    cancelled[taskID] = nil
    requeued[taskID] = nil
  }

  /// The record with the children that lie in lines of their own.
  private mutating func whole(_ record: AcceptedRecord) throws(QuarryError) -> AcceptedRecord {
    guard record.childParts > 0 else { return record }
    var record = record
    let found = parts.removeValue(forKey: record.runID) ?? [:]
    for part in 0..<record.childParts {
      guard let children = found[part] else {
        throw QuarryError(
          .storage, "the ledger of job \(jobID) lacks part \(part) of what run \(record.runID) derived")
      }
      record.children += children
    }
    record.childParts = 0
    return record
  }
}

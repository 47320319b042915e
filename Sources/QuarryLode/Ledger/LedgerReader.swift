import QuarryCore

/// A job that has a ledger in the dataset.
package struct LedgerJob: Sendable, Equatable {
  package let fleet: String
  package let jobID: String
  /// The day under which its records lie.
  package let day: String
}

/// A run whose records are a task's result.
package struct AcceptedRun: Sendable, Equatable {
  package let taskID: String
  package let runID: String
  package let epoch: Int64?

  package init(taskID: String, runID: String, epoch: Int64?) {
    self.taskID = taskID
    self.runID = runID
    self.epoch = epoch
  }

  /// - Returns: nil for any line but a ledger's `accepted`.
  init?(_ line: UnsafeRawBufferPointer) {
    let members = RecordMembers.read(["kind", "task_id", "accepted_run_id", "epoch"], from: line)
    guard members["kind"] == "accepted", let task = members["task_id"]?.string,
      let run = members["accepted_run_id"]?.string
    else { return nil }
    self.init(taskID: task, runID: run, epoch: members["epoch"]?.integer)
  }
}

/// Reads ledgers from their partitions; needs no Redis.
struct LedgerReader: Sendable {
  let layout: DatasetLayout
  /// Ledgers are read as this one sees the dataset; nil for as it is at each call.
  var reader: PartitionReader?

  func jobs() throws(QuarryError) -> [LedgerJob] {
    try layout.described { () throws(FileFailure) in
      var jobs: [LedgerJob] = []
      try eachDay(fleet: nil) { day throws(FileFailure) in
        for name in try RunFinder(layout: layout).children(of: day, key: "run_id=", value: nil) {
          if let run = RunPath("\(day)/\(name)") {
            jobs.append(LedgerJob(fleet: run.category, jobID: run.runID, day: run.day))
          }
        }
      }
      return jobs.sorted { ($0.day, $0.jobID) > ($1.day, $1.jobID) }
    }
  }

  /// The partitions of a job's ledger, the oldest day first: one, or two for a job that started around midnight.
  func partitions(fleet: String?, jobID: String) throws(FileFailure) -> [RunPath] {
    let name = "run_id=\(RunPartition.escape(jobID))"
    var found: [RunPath] = []
    try eachDay(fleet: fleet) { day throws(FileFailure) in
      guard try layout.store.hasFolder("\(layout.partitions)/\(day)/\(name)") else { return }
      if let run = RunPath("\(day)/\(name)") { found.append(run) }
    }
    return found.sorted { $0.day < $1.day }
  }

  /// Lines in the order of the chain, then of the data files, then of their lines.
  func records(fleet: String?, jobID: String) throws(QuarryError) -> [String] {
    var lines: [String] = []
    try forEachRecord(fleet: fleet, jobID: jobID) { lines.append(String(decoding: $0, as: UTF8.self)) }
    return lines
  }

  /// Tasks of a job that are done, dead or cancelled, each with the run that counts, empty where none does.
  func endedTasks(jobID: String) throws(QuarryError) -> [String: String] {
    var tasks: [String: String] = [:]
    try forEachRecord(fleet: nil, jobID: jobID) { line in
      let members = RecordMembers.read(["kind", "task_id", "accepted_run_id"], from: line)
      guard let kind = members["kind"]?.string, let task = members["task_id"]?.string else { return }
      switch kind {
      // The first end holds until somebody takes it back.
      case "accepted", "dead", "cancelled": tasks[task] = tasks[task] ?? members["accepted_run_id"]?.string ?? ""
      case "requeued": tasks[task] = nil
      default: break
      }
    }
    return tasks
  }

  /// Calls `body` with each line, in the order of `records`.
  /// - Throws: also when a part of the ledger is missing or damaged, since it must not pass for a whole one.
  func forEachRecord(
    fleet: String?, jobID: String, body: (UnsafeRawBufferPointer) -> Void
  ) throws(QuarryError) {
    var removed = RemovedRecords(layout: layout)
    for file in try files(fleet: fleet, jobID: jobID) {
      let damages = try CheckedLines(layout: layout, file: file).forEach(&removed) { line, _ in
        body(line)
        return true
      }
      if let damage = damages.first { throw Self.notWhole(jobID, damage) }
    }
  }

  static func notWhole(_ jobID: String, _ reason: String) -> QuarryError {
    QuarryError(.storage, "the ledger of job \(jobID) cannot be read whole: \(reason)")
  }

  /// The run that counts for each task, in the order of acceptance: the first accepted record of a task.
  func acceptedRuns(fleet: String?, jobID: String) throws(QuarryError) -> [AcceptedRun] {
    var seen: Set<String> = []
    var runs: [AcceptedRun] = []
    try forEachRecord(fleet: fleet, jobID: jobID) { line in
      if let run = AcceptedRun(line), seen.insert(run.taskID).inserted { runs.append(run) }
    }
    return runs
  }

  /// The runs that count for the tasks of one job, or of all.
  func acceptedRunIDs(jobID: String?) throws(QuarryError) -> Set<String> {
    var ids: Set<String> = []
    for job in try jobs() where jobID.map({ $0 == job.jobID }) ?? true {
      for run in try acceptedRuns(fleet: job.fleet, jobID: job.jobID) { ids.insert(run.runID) }
    }
    return ids
  }

  private func files(fleet: String?, jobID: String) throws(QuarryError) -> [Manifest.File] {
    let content = try layout.described { () throws(FileFailure) in
      var reader = if let reader { reader } else { try PartitionReader(layout: layout) }
      let partitions = try partitions(fleet: fleet, jobID: jobID)
      return try reader.content(of: partitions.map { "\($0.path)/event_type=\(LodeLedger.eventType)" })
    }
    if let gap = content.gaps.first { throw Self.notWhole(jobID, gap) }
    return content.files
  }

  private func eachDay(fleet: String?, visit: (String) throws(FileFailure) -> Void) throws(FileFailure) {
    try RunFinder(layout: layout).days(source: LodeLedger.source, category: fleet, visit: visit)
  }
}

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
}

/// Reads ledgers from their partitions; needs no Redis.
struct LedgerReader: Sendable {
  let layout: DatasetLayout

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
      guard FileReading.exists("\(layout.partitions)/\(day)/\(name)") else { return }
      if let run = RunPath("\(day)/\(name)") { found.append(run) }
    }
    return found.sorted { $0.day < $1.day }
  }

  /// Lines in the order of the chain, then of the data files, then of their lines.
  func records(fleet: String?, jobID: String) throws(QuarryError) -> [String] {
    let files = try layout.described { () throws(FileFailure) in try self.files(fleet: fleet, jobID: jobID) }
    var lines: [String] = []
    for file in files {
      let path = layout.path(of: file)
      let isThere = try RecordLines(path: path).forEach { line throws(QuarryError) in
        lines.append(String(decoding: line, as: UTF8.self))
        return true
      }
      // A ledger with a hole must not pass for a whole one.
      guard isThere else { throw QuarryError(.storage, "the ledger of job \(jobID) lacks its file \(path)") }
    }
    return lines
  }

  /// The run that counts for each task, in the order of acceptance: the first accepted record of a task.
  func acceptedRuns(fleet: String?, jobID: String) throws(QuarryError) -> [AcceptedRun] {
    var seen: Set<String> = []
    var runs: [AcceptedRun] = []
    for line in try records(fleet: fleet, jobID: jobID) {
      let members = Array(line.utf8).withUnsafeBytes {
        RecordMembers.read(["kind", "task_id", "accepted_run_id", "epoch"], from: $0)
      }
      guard members["kind"] == "accepted", let task = members["task_id"]?.string,
        let run = members["accepted_run_id"]?.string, seen.insert(task).inserted
      else { continue }
      runs.append(AcceptedRun(taskID: task, runID: run, epoch: members["epoch"]?.integer))
    }
    return runs
  }

  private func files(fleet: String?, jobID: String) throws(FileFailure) -> [String] {
    var reader = try PartitionReader(layout: layout)
    let partitions = try partitions(fleet: fleet, jobID: jobID).map { "\($0.path)/event_type=\(LodeLedger.eventType)" }
    var ids: Set<SnapshotID> = []
    for partition in partitions { ids.formUnion(try reader.snapshots(of: partition)) }
    var files: [String] = []
    for id in ids.sorted() {
      guard let manifest = try reader.manifest(id) else { continue }
      for file in manifest.files where partitions.contains(layout.partition(ofDataKey: file.path) ?? "") {
        files.append(file.path)
      }
    }
    return files
  }

  private func eachDay(fleet: String?, visit: (String) throws(FileFailure) -> Void) throws(FileFailure) {
    try RunFinder(layout: layout).days(source: LodeLedger.source, category: fleet, visit: visit)
  }
}

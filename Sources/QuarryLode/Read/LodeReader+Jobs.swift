import QuarryCore

/// The runs of one job, the newest first; `parentRunID` makes them a tree.
package struct JobSummary: Sendable, Equatable {
  package let jobID: String
  package var runs: [RunSummary]
  /// Its tasks that have ended, by the job's ledger, in its order; nil for a job without one, or with one that cannot be read.
  package var ended: [EndedTask]?

  package var tasks: TaskEndCounts? {
    ended.map { ended in
      var counts = TaskEndCounts()
      for task in ended { counts.add(task.state) }
      return counts
    }
  }

  package var state: RunState {
    var figures = JobFigures(jobID: jobID)
    runs.forEach { figures.add($0) }
    figures.tasks = tasks
    return figures.state
  }
}

extension LodeReader {
  /// Jobs that runs name, or that have a ledger, the newest first. Looks at every run that the filter lets through; its state
  /// is the jobs'. Ledgers are read as far as the limit needs.
  package func jobs(_ filter: RunFilter = RunFilter(), limit: Int = .max) throws(QuarryError) -> Listing<JobFigures> {
    var ofRuns = filter
    ofRuns.state = nil
    var tally = JobTally()
    var listing = Listing<JobFigures>(rows: [], warnings: [])
    listing.warnings = try eachRun(ofRuns) { run in
      tally.add(run)
      return true
    }
    var ledgers = try JobLedgers(layout: layout)
    if ofRuns.isOfAllPlaces { ledgers.jobIDs.forEach { tally.add(jobID: $0) } }
    for var job in tally.newestFirst where listing.rows.count < limit {
      job.tasks = ledgers.endCounts(of: job.jobID)
      if filter.state.map({ $0 == job.state }) ?? true { listing.rows.append(job) }
    }
    listing.warnings += ledgers.warnings
    return listing
  }

  /// Whether a run names the job or it has a ledger.
  package func hasJob(_ jobID: String) throws(QuarryError) -> Bool {
    if try !runs(RunFilter(jobID: jobID), limit: 1).rows.isEmpty { return true }
    return try ledgerJobs().contains { $0.jobID == jobID }
  }

  /// - Parameter note: told of each thing that could not be read, with its path: a run of the job may lie there.
  /// - Returns: nil when no run names the job and it has no ledger.
  package func job(
    _ jobID: String, liveness: Liveness = Liveness(), note: (String) -> Void = { _ in }
  ) throws(QuarryError) -> JobSummary? {
    var filter = RunFilter(jobID: jobID)
    filter.liveness = liveness
    let found = try runs(filter)
    found.warnings.forEach(note)
    var job = JobSummary(jobID: jobID, runs: found.rows)
    let hasLedger = try LedgerReader(layout: layout).jobs().contains { $0.jobID == jobID }
    guard !job.runs.isEmpty || hasLedger else { return nil }
    guard hasLedger else { return job }
    do throws(QuarryError) {
      var ended: [EndedTask] = []
      try forEachEndedTask(jobID: jobID) { ended.append($0) }
      job.ended = ended
    } catch {
      note(error.message)
    }
    return job
  }
}

/// What ledgers say of jobs. One that cannot be read says nothing, and is named.
private struct JobLedgers {
  private let ledger: LedgerReader
  private let fleets: [String: String]
  private(set) var warnings: [String] = []

  init(layout: DatasetLayout) throws(QuarryError) {
    ledger = LedgerReader(layout: layout)
    fleets = Dictionary(try ledger.jobs().map { ($0.jobID, $0.fleet) }, uniquingKeysWith: { first, _ in first })
  }

  var jobIDs: Dictionary<String, String>.Keys { fleets.keys }

  mutating func endCounts(of jobID: String) -> TaskEndCounts? {
    guard let fleet = fleets[jobID] else { return nil }
    do throws(QuarryError) { return try ledger.endCounts(fleet: fleet, jobID: jobID) } catch {
      warnings.append(error.message)
      return nil
    }
  }
}

extension RunFilter {
  /// No run is left out by where it lies or when it began.
  fileprivate var isOfAllPlaces: Bool {
    source == nil && category == nil && day == nil && since == nil && runID == nil && !isAcceptedOnly
  }
}

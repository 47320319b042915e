import QuarryCore

/// The runs of one job, the newest first; `parentRunID` makes them a tree.
package struct JobSummary: Sendable, Equatable {
  package let jobID: String
  package var runs: [RunSummary]

  /// Running while one of its runs is; failed when some piece of work has no run that succeeded.
  package var state: RunState {
    if runs.contains(where: { $0.state == .running }) { return .running }
    let work = Dictionary(grouping: runs) { $0.taskID ?? Self.firstAttempt(of: $0, in: runs) }
    let isDone = work.values.allSatisfy { attempts in attempts.contains { $0.state == .succeeded } }
    return isDone ? .succeeded : .failed
  }

  /// The run that a retry goes back to.
  private static func firstAttempt(of run: RunSummary, in runs: [RunSummary]) -> String {
    var current = run
    for _ in runs {
      guard let attempt = current.attempt, attempt > 1,
        let parent = runs.first(where: { $0.runID == current.parentRunID })
      else { break }
      current = parent
    }
    return current.runID
  }
}

extension LodeReader {
  /// Jobs that runs name, the newest first. Reads every run of the dataset.
  package func jobs(limit: Int = .max) throws(QuarryError) -> Listing<JobSummary> {
    let listing = try runs()
    var order: [String] = []
    var byJob: [String: [RunSummary]] = [:]
    for run in listing.rows {
      guard let job = run.jobID else { continue }
      if byJob[job] == nil { order.append(job) }
      byJob[job, default: []].append(run)
    }
    let rows = order.prefix(limit).map { JobSummary(jobID: $0, runs: byJob[$0] ?? []) }
    return Listing(rows: rows, warnings: listing.warnings)
  }

  /// - Returns: nil when no run names the job. Reads every run of the dataset.
  package func job(_ jobID: String) throws(QuarryError) -> JobSummary? {
    let found = try runs(RunFilter(jobID: jobID)).rows
    return found.isEmpty ? nil : JobSummary(jobID: jobID, runs: found)
  }
}

import QuarryCore

/// The runs of one job, the newest first; `parentRunID` makes them a tree.
package struct JobSummary: Sendable, Equatable {
  package let jobID: String
  package var runs: [RunSummary]

  package var state: RunState { figures.state }

  package var figures: JobFigures {
    var figures = JobFigures(jobID: jobID)
    runs.forEach { figures.add($0) }
    return figures
  }
}

extension LodeReader {
  /// Jobs that runs name, the newest first. Looks at every run that the filter lets through; its state is the jobs'.
  package func jobs(_ filter: RunFilter = RunFilter(), limit: Int = .max) throws(QuarryError) -> Listing<JobFigures> {
    var tally = JobTally()
    var ofRuns = filter
    ofRuns.state = nil
    let warnings = try eachRun(ofRuns) { run in
      tally.add(run)
      return true
    }
    let wanted = tally.newestFirst.lazy.filter { job in filter.state.map { $0 == job.state } ?? true }
    return Listing(rows: Array(wanted.prefix(limit)), warnings: warnings)
  }

  /// - Returns: nil when no run names the job.
  package func job(_ jobID: String, liveness: Liveness = Liveness()) throws(QuarryError) -> JobSummary? {
    var filter = RunFilter(jobID: jobID)
    filter.liveness = liveness
    let found = try runs(filter).rows
    return found.isEmpty ? nil : JobSummary(jobID: jobID, runs: found)
  }
}

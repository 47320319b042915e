import QuarryCore

/// One job by its runs, counted as they come, in any order. Sixteen bytes or so for each piece of work.
package struct JobFigures: Sendable, Equatable {
  package let jobID: String
  package private(set) var runs = RunCounts()
  /// When the first and the last of its runs began; nil where none says so.
  package private(set) var firstStartedAt: Timestamp?
  package private(set) var lastStartedAt: Timestamp?
  /// By the job's ledger; nil for a job without one.
  package var tasks: TaskEndCounts?
  /// Hashes of the work that has a run which succeeded, and of that which has one which did not.
  private var done: Set<Int> = []
  private var undone: Set<Int> = []
  /// From a retry to the run that it repeats.
  private var repeated: [Int: Int] = [:]

  package init(jobID: String) { self.jobID = jobID }

  package mutating func add(_ run: RunSummary) {
    runs.add(run)
    if let started = run.startedAt {
      firstStartedAt = min(firstStartedAt ?? started, started)
      lastStartedAt = max(lastStartedAt ?? started, started)
    }
    let work = (run.taskID ?? run.runID).hashValue
    if run.taskID == nil, run.attempt ?? 1 > 1, let parent = run.parentRunID { repeated[work] = parent.hashValue }
    switch run.state {
    case .succeeded: done.insert(work)
    case .failed, .lost: undone.insert(work)
    case .running: break
    }
  }

  /// Running while one of its runs is, or when nothing of it has begun; failed when a task is dead or cancelled, or some piece of work has
  /// no run that succeeded.
  package var state: RunState {
    if runs[.running] > 0 || runs.total == 0 && tasks?.total ?? 0 == 0 { return .running }
    if let tasks, tasks.dead + tasks.cancelled > 0 { return .failed }
    let done = Set(done.map(firstAttempt))
    return undone.allSatisfy { done.contains(firstAttempt(of: $0)) } ? .succeeded : .failed
  }

  /// The run that a retry goes back to.
  private func firstAttempt(of work: Int) -> Int {
    var current = work
    // Parents are what people said, so they may form a circle.
    for _ in 0..<repeated.count {
      guard let parent = repeated[current] else { break }
      current = parent
    }
    return current
  }
}

/// All jobs of the runs that are added.
package struct JobTally: Sendable {
  private var jobs: [String: JobFigures] = [:]

  package init() {}

  package mutating func add(_ run: RunSummary) {
    guard let job = run.jobID else { return }
    jobs[job, default: JobFigures(jobID: job)].add(run)
  }

  /// A job that may have no run yet.
  package mutating func add(jobID: String) {
    if jobs[jobID] == nil { jobs[jobID] = JobFigures(jobID: jobID) }
  }

  /// Those with the newest run first, those without any last.
  package var newestFirst: [JobFigures] {
    jobs.values.sorted { left, right in
      let times = [left, right].map { $0.lastStartedAt?.nanoseconds ?? .min }
      return times[0] == times[1] ? left.jobID > right.jobID : times[0] > times[1]
    }
  }
}

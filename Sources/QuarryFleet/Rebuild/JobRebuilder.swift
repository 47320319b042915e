import QuarryCore

/// Brings jobs back into a fleet from their ledgers.
struct JobRebuilder: Sendable {
  let queue: FleetQueue
  let ledger: LedgerWriter
  let caller: PatientCaller
  let storage: StorageIdentity
  /// What no ledger has: how often and when failures are tried again, and the lease.
  let retries: RetryBudgets
  let timing: LeaseTiming

  enum Outcome: Sendable, Equatable {
    case rebuilt(done: Int, dead: Int, pending: Int)
    /// All of its tasks have ended, so that there is nothing to go on with.
    case isFinished
    /// The fleet has it.
    case isThere
  }

  /// Tasks or fingerprints in one step.
  private static let batch = 500

  /// - Parameter isForced: also a job of which nothing is left to do, or that the fleet has as finished.
  /// - Returns: nil when this process was cancelled, or Redis is another fleet's.
  /// - Throws: `QuarryError(.storage)` for a ledger that cannot be read, `.usage` for a job of another dataset, or that
  ///   somebody else rebuilds at this moment.
  func rebuild(_ jobID: String, isForced: Bool = false) async throws(QuarryError) -> Outcome? {
    let found = await caller.call { () async throws(QuarryError) in [try await queue.job(jobID)] }
    guard let found else { return nil }
    if let job = found[0], !job.isRestoring, !isForced || !job.status.isFinished { return .isThere }
    let plan = try RebuildPlan(try await ledger.read(jobID: jobID))
    guard plan.job.storage == storage else {
      throw QuarryError(
        .usage, "job '\(jobID)' names the dataset \(plan.job.storage.text), and this one is \(storage.text)",
        remedy: "name the job's own dataset with --storage-path and --storage-dataset")
    }
    if plan.pending == 0, !isForced { return .isFinished }
    guard try await perform(plan) else { return nil }
    return .rebuilt(
      done: plan.counters["done"] ?? 0, dead: plan.counters["dead"] ?? 0, pending: plan.pending)
  }

  private func perform(_ plan: RebuildPlan) async throws(QuarryError) -> Bool {
    let token = UUIDv7.make()
    var steps: [RestoreStep] = [.clear, .open(plan.submission(timing, retries))]
    let prints = plan.prints.sorted { $0.value < $1.value }
    for from in stride(from: 0, to: prints.count, by: Self.batch) {
      steps.append(.prints(Array(prints[from..<min(from + Self.batch, prints.count)].map { ($0.key, $0.value) })))
    }
    let pages = plan.pages.sorted { $0.key < $1.key }
    for from in stride(from: 0, to: pages.count, by: Self.batch) {
      steps.append(.pages(Array(pages[from..<min(from + Self.batch, pages.count)].map { ($0.key, $0.value) })))
    }
    for from in stride(from: 0, to: plan.tasks.count, by: Self.batch) {
      var texts: [String] = []
      for task in plan.tasks[from..<min(from + Self.batch, plan.tasks.count)] { texts.append(try task.json()) }
      steps.append(.tasks(texts))
    }
    steps.append(.close(plan.counters))
    for step in steps {
      guard try await perform(step, plan.jobID, token) else { return false }
    }
    return true
  }

  private func perform(_ step: RestoreStep, _ jobID: String, _ token: String) async throws(QuarryError) -> Bool {
    while true {
      let answer = await caller.call { () async throws(QuarryError) in
        try await queue.restore(step, jobID: jobID, token: token)
      }
      switch answer {
      case .done: return true
      case .more: continue
      case .refused(let reason):
        throw QuarryError(
          .usage,
          "job '\(jobID)' cannot be rebuilt now: \(reason == "another" ? "somebody else does it" : "it is \(reason)")",
          remedy: "follow it: quarry coordinator --resume \(jobID)")
      case nil: return false
      }
    }
  }
}

extension RebuildPlan {
  /// The job as it is submitted, with what the ledger does not have.
  fileprivate func submission(_ timing: LeaseTiming, _ retries: RetryBudgets) -> JobSubmission {
    var request = JobRequest(
      script: job.root.target, scriptRoot: "", source: job.root.source ?? "", storage: job.storage)
    request.category = job.root.category ?? request.category
    request.policy = job.policy
    request.depth = job.depth
    request.maxRuns = job.maxRuns
    request.timeout = job.root.options.timeoutMilliseconds.map { .milliseconds($0) }
    request.politeness = job.politeness
    request.timing = timing
    request.retries = retries
    return JobSubmission(
      jobID: jobID, rootTaskID: job.rootTaskID, request: request, target: job.root.target, scripts: job.scripts)
  }
}

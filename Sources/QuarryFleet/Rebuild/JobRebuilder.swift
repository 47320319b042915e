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
    /// The fleet has it, whether it goes on there or has ended.
    case isThere(isFinished: Bool)
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
    if let job = found[0], !job.isRestoring, !isForced || !job.status.isFinished {
      return .isThere(isFinished: job.status.isFinished)
    }
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

  /// - Returns: false when this process was cancelled, or Redis is another fleet's.
  private func perform(_ plan: RebuildPlan) async throws(QuarryError) -> Bool {
    let token = UUIDv7.make()
    func step(_ step: RestoreStep) async throws(QuarryError) -> Bool { try await perform(step, plan.jobID, token) }
    guard try await step(.clear), try await step(.open(plan.submission(timing, retries))) else { return false }
    for batch in Self.batches(plan.prints.sorted { $0.value < $1.value }) {
      guard try await step(.prints(batch.map { ($0.key, $0.value) })) else { return false }
    }
    for batch in Self.batches(plan.pages.sorted { $0.key < $1.key }) {
      guard try await step(.pages(batch.map { ($0.key, $0.value) })) else { return false }
    }
    for batch in Self.batches(plan.tasks) {
      var texts: [String] = []
      for task in batch { texts.append(try task.json(ofJob: plan.jobID)) }
      guard try await step(.tasks(texts)) else { return false }
    }
    return try await step(.close(plan.counters))
  }

  private static func batches<Element>(_ all: [Element]) -> [ArraySlice<Element>] {
    stride(from: 0, to: all.count, by: batch).map { all[$0..<min($0 + batch, all.count)] }
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
          remedy: "follow it: quarry coordinator --resume \(jobID)\(queue.flags.fleet)\(queue.flags.storage)")
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

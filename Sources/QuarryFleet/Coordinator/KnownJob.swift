import QuarryCore

/// A job that the fleet has under the id that somebody submits again.
package struct KnownJob: Sendable {
  let view: JobView
  /// Nil when retention has let it go.
  let root: TaskDetail?

  /// - Returns: nil when the fleet does not know the id.
  package static func find(_ jobID: String, in queue: FleetQueue) async throws(QuarryError) -> KnownJob? {
    guard let view = try await queue.job(jobID) else { return nil }
    return KnownJob(view: view, root: try await queue.task(view.rootTaskID))
  }

  /// What the submission asks for and the job does not do, by the names of its flags.
  /// - Throws: `QuarryError(.usage)` when it is another piece of work: another script, or other parameters.
  func differences(from submission: JobSubmission) throws(QuarryError) -> [String] {
    let request = submission.request
    if let root { try check(root, against: submission) }
    let pairs = [
      ("--depth", view.depth == request.depth), ("--max-runs", view.maxRuns == request.maxRuns),
      ("--policy", view.policy == request.policy), ("--storage-path", view.storage == request.storage.text),
      ("--host-concurrency", view.politeness.hostConcurrency == request.politeness.hostConcurrency),
      ("--host-delay", view.politeness.hostDelay == request.politeness.hostDelay),
      ("--host-max-pages", view.politeness.hostMaxPages == request.politeness.hostMaxPages),
      ("--auto-throttle", view.politeness.autoThrottle == request.politeness.autoThrottle),
      ("--job-concurrency", view.politeness.jobConcurrency == request.politeness.jobConcurrency),
      ("--lane", root.map { $0.task.lane == request.lane } ?? true),
    ]
    return pairs.filter { !$0.1 }.map(\.0)
  }

  /// What the line says and the job does not do, by the names of the flags of `quarry submit`; what it leaves out is no
  /// difference. Budgets and lane are known as long as the fleet has the root.
  package func differences(from line: SubmissionLine) -> [String] {
    func differs<Value: Equatable>(_ given: Value?, _ held: Value?) -> Bool { given.map { $0 != held } ?? false }
    let (asked, held) = (line.politeness, view.politeness)
    let pairs = [
      ("--depth", differs(line.depth, view.depth)), ("--max-runs", differs(line.maxRuns, view.maxRuns)),
      ("--run-timeout", differs(line.timeoutMilliseconds, view.timeoutMilliseconds)),
      ("--source", differs(line.source, view.source)), ("--category", differs(line.category, view.category)),
      ("--policy", differs(line.policy, view.policy)),
      ("--host-concurrency", differs(asked.hostConcurrency, held.hostConcurrency)),
      ("--host-delay", differs(asked.hostDelay, held.hostDelay)),
      ("--host-max-pages", differs(asked.hostMaxPages, held.hostMaxPages)),
      ("--job-concurrency", differs(asked.jobConcurrency, held.jobConcurrency)),
      ("--auto-throttle", asked.autoThrottle && !held.autoThrottle),
      ("--lane", root.map { differs(line.lane?.rawValue, $0.task.lane) } ?? false),
      ("--attempts", root.map { differs(line.attempts, $0.attemptBudget) } ?? false),
      ("--crashes", root.map { differs(line.crashes, $0.crashBudget) } ?? false),
      ("--blocks", root.map { differs(line.blocks, $0.blockBudget) } ?? false),
    ]
    return pairs.filter(\.1).map(\.0)
  }

  private func check(_ root: TaskDetail, against submission: JobSubmission) throws(QuarryError) {
    let isSameScript = root.task.target == submission.target
    let given = try FleetQueue.canonical(submission.request.params).canonicalText
    let isSameWork = try FleetQueue.canonical(root.params).canonicalText == given
    guard isSameScript, isSameWork else {
      let difference = isSameScript ? "another --job" : "the script '\(root.task.target)'"
      throw QuarryError(
        .usage, "job '\(submission.jobID)' is known already, with \(difference)",
        remedy: "give another --job-id, or the same --script and --job to follow it")
    }
  }
}

import QuarryCore

/// A job that the fleet has under the id that somebody submits again.
struct KnownJob: Sendable {
  let view: JobView
  /// Nil when retention has let it go.
  let root: TaskDetail?

  /// - Returns: nil when the fleet does not know the id.
  static func find(_ jobID: String, in queue: FleetQueue) async throws(QuarryError) -> KnownJob? {
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

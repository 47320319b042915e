import QuarryCore
import QuarryFleet
import QuarryRuntime

/// What a coordinator gives to the jobs that it takes, where they say nothing else.
struct SubmissionDefaults: Sendable {
  let scriptRoot: String
  /// As its flags say it.
  let policy: String
  let timing: LeaseTiming
  let retries: RetryBudgets
  let politeness: Politeness

  func request(_ script: String, source: String, _ storage: StorageIdentity) -> JobRequest {
    var request = JobRequest(script: script, scriptRoot: scriptRoot, source: source, storage: storage)
    request.policy = policy
    request.timing = timing
    request.retries = retries
    request.politeness = politeness
    return request
  }

  /// - Throws: `QuarryError(.usage)` for a policy that there is not.
  func request(_ line: SubmissionLine, _ storage: StorageIdentity) throws(QuarryError) -> JobRequest {
    var request = request(
      line.script, source: line.source ?? PartitionOptions.defaultSource(of: line.script), storage)
    request.jobID = line.jobID
    request.params = line.params
    request.category = line.category ?? PartitionOptions.defaultCategory
    if let policy = line.policy { request.policy = try PolicyConfiguration(text: policy).text }
    request.lane = (line.lane ?? .default).rawValue
    request.host = line.host
    request.politeness = line.politeness.filled(from: politeness)
    request.depth = line.depth ?? 0
    request.maxRuns = line.maxRuns
    request.timeout = line.timeoutMilliseconds.map { .milliseconds($0) }
    request.retries.attempts = line.attempts ?? retries.attempts
    request.retries.crashes = line.crashes ?? retries.crashes
    request.retries.blocks = line.blocks ?? retries.blocks
    return request
  }
}

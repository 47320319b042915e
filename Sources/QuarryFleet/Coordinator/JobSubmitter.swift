import QuarryCore

/// Brings a job into the fleet: its `job` record is in the ledger before its root can be claimed.
struct JobSubmitter: Sendable {
  let queue: FleetQueue
  let ledger: LedgerWriter
  let caller: PatientCaller

  /// A request with all that is made or looked up for it.
  struct Prepared: Sendable {
    var submission: JobSubmission
    var record: JobRecord
    /// The job's id was made here, not given.
    var hasOwnID: Bool
  }

  /// - Throws: `QuarryError(.usage)` for a script that is missing or outside the root, parameters that are no JSON
  ///   object, or limits out of range.
  static func prepare(_ request: JobRequest) throws(QuarryError) -> Prepared {
    let scripts = try ScriptRoot(request.scriptRoot)
    let target = try scripts.target(named: request.script)
    let params = try object(request.params)
    try check(request)
    let hashes = try scripts.contentHashes(around: target)
    let submission = JobSubmission(
      jobID: request.jobID ?? UUIDv7.make(), rootTaskID: UUIDv7.make(), request: request, target: target,
      scripts: hashes)
    let root = WorkRecord(
      target: target, params: params, source: request.source, category: request.category,
      options: DerivedWork.Options(
        lane: request.lane == "default" ? nil : request.lane,
        timeoutMilliseconds: request.timeout.map { Int($0.milliseconds) }, host: request.host))
    var record = JobRecord(
      root: root, rootTaskID: submission.rootTaskID, depth: request.depth, maxRuns: request.maxRuns,
      policy: request.policy, storage: request.storage, scripts: hashes)
    record.politeness = request.politeness
    try root.check()
    return Prepared(submission: submission, record: record, hasOwnID: request.jobID == nil)
  }

  enum Answer: Sendable, Equatable {
    case submitted
    /// The fleet has the job; what it was asked for otherwise this time.
    case known(ignored: [String])
  }

  /// A job that was submitted before is left as it is: its ledger gets no second `job` record.
  /// - Returns: nil when this process was cancelled or Redis is another fleet's before the job was in.
  /// - Throws: `QuarryError(.usage)` for an id under which the fleet has other work, or that ran before and that Redis has
  ///   let go.
  func submit(_ prepared: Prepared) async throws(QuarryError) -> Answer? {
    var submission = prepared.submission
    if !prepared.hasOwnID {
      let found = await caller.call { [submission] () async throws(QuarryError) in
        try await KnownJob.find(submission.jobID, in: queue)
      }
      guard let found else { return nil }
      if let known = found { return .known(ignored: try known.differences(from: submission)) }
    }
    submission.rootTaskID = try await record(prepared)
    let answer = await caller.call { [submission] () async throws(QuarryError) in try await queue.submit(submission) }
    return answer.map { $0 ? .submitted : .known(ignored: []) }
  }

  /// Sees to it that the ledger has the job; the first record counts, should others submit the same job now, or have
  /// died before Redis had it.
  /// - Returns: the root's id in the ledger.
  private func record(_ prepared: Prepared) async throws(QuarryError) -> String {
    let jobID = prepared.submission.jobID
    // An id that was made just now needs no look at the ledger.
    guard !prepared.hasOwnID else {
      try await ledger.append([.job(prepared.record)], jobID: jobID)
      return prepared.record.rootTaskID
    }
    var written = try await ledger.read(jobID: jobID)
    if written.job == nil {
      try await ledger.append([.job(prepared.record)], jobID: jobID)
      written = try await ledger.read(jobID: jobID)
    }
    guard written.hasOnlyBegun, let record = written.job else {
      throw QuarryError(
        .usage, "job '\(jobID)' ran before: its ledger has results, and the fleet's Redis knows it no more",
        remedy: "Give another --job-id; what it found: quarry inspect job \(jobID)")
    }
    let asked = prepared.record.root
    guard record.root.target == asked.target, record.root.params == asked.params else {
      throw QuarryError(
        .usage, "job '\(jobID)' was begun before with another script or another job", remedy: "Give another --job-id.")
    }
    return record.rootTaskID
  }

  private static func object(_ text: String) throws(QuarryError) -> String {
    let value: JSONValue
    do { value = try JSONParser.parse(text) } catch {
      throw QuarryError(
        .usage, "the job is not JSON: \(error)", remedy: "Give an object, for example --job '{\"url\":\"https://…\"}'.")
    }
    guard value.object != nil else {
      throw QuarryError(
        .usage, "the job is not a JSON object", remedy: "Give an object, for example --job '{\"url\":\"https://…\"}'.")
    }
    return value.canonicalText
  }

  private static func check(_ request: JobRequest) throws(QuarryError) {
    guard request.depth >= 0 else { throw QuarryError(.usage, "depth \(request.depth) is below 0") }
    guard request.maxRuns ?? 1 >= 1 else { throw QuarryError(.usage, "max runs \(request.maxRuns ?? 0) is below 1") }
    guard ["high", "default", "low"].contains(request.lane) else {
      throw QuarryError(.usage, "there is no lane '\(request.lane)'", remedy: "Use high, default or low.")
    }
    guard request.timing.lease >= .seconds(1), request.timing.heartbeat > .zero,
      request.timing.heartbeat * 2 <= request.timing.lease
    else {
      throw QuarryError(
        .usage, "a lease of \(request.timing.lease) with a heartbeat of \(request.timing.heartbeat) loses tasks",
        remedy: "The lease must be 1 s at least and two heartbeats long.")
    }
    try request.politeness.check()
    try RunPartition.validateSource(request.source)
    try RunPartition.validate(request.category, as: "category")
    if let jobID = request.jobID { try FleetQueue.check(jobID, as: "job") }
  }
}

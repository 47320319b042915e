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
  }

  /// - Throws: `QuarryError(.usage)` for a script that is missing or outside the root, parameters that are no JSON
  ///   object, or limits out of range.
  static func prepare(_ request: JobRequest) throws(QuarryError) -> Prepared {
    let scripts = try ScriptRoot(request.scriptRoot)
    let target = try scripts.target(named: request.script)
    let params = try object(request.params)
    try check(request)
    let hashes = [target: try scripts.contentHash(of: target)]
    let submission = JobSubmission(
      jobID: request.jobID ?? UUIDv7.make(), rootTaskID: UUIDv7.make(), request: request, target: target,
      scripts: hashes)
    let root = WorkRecord(
      target: target, params: params, source: request.source, category: request.category,
      options: DerivedWork.Options(
        lane: request.lane == "default" ? nil : request.lane,
        timeoutMilliseconds: request.timeout.map { Int($0.milliseconds) }, host: request.host))
    let record = JobRecord(
      root: root, rootTaskID: submission.rootTaskID, depth: request.depth, maxRuns: request.maxRuns,
      policy: request.policy, storage: request.storage, scripts: hashes)
    return Prepared(submission: submission, record: record)
  }

  /// - Returns: false when this process was cancelled or Redis is another fleet's before the job was in.
  func submit(_ prepared: Prepared) async throws(QuarryError) -> Bool {
    try await ledger.append([.job(prepared.record)], jobID: prepared.submission.jobID)
    let answer = await caller.call { () async throws(QuarryError) in try await queue.submit(prepared.submission) }
    return answer != nil
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
    try RunPartition.validate(request.source, as: "source")
    try RunPartition.validate(request.category, as: "category")
    if let jobID = request.jobID { try FleetQueue.check(jobID, as: "job") }
  }
}

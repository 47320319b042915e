import QuarryCore
import RedisClient

extension FleetQueue {
  /// Brings a job into the fleet with its root task, ready to be claimed; its ledger record must be durable by then.
  /// Idempotent by the job's id. The fleet's lease becomes the request's.
  /// - Returns: false when the job was there already.
  /// - Throws: `QuarryError(.usage)` for an id or lane that cannot be used.
  @discardableResult
  package func submit(_ job: JobSubmission) async throws(QuarryError) -> Bool {
    try Self.check(job.jobID, as: "job")
    try Self.check(job.rootTaskID, as: "task")
    let request = job.request
    guard Lane(rawValue: request.lane) != nil else {
      throw QuarryError(.usage, "there is no lane '\(request.lane)'", remedy: "Use high, default or low.")
    }
    let params = try Self.canonical(request.params)
    let host = request.host.map(WorkHost.normalise) ?? WorkHost.of(params: params)
    let print = WorkIdentity.fingerprint(target: job.target, params: params.canonicalText, dedupKey: nil)
    let arguments: [RedisArgument] = [
      .text(job.jobID), .text(job.rootTaskID), .text(job.target), .text(request.params), .text(request.lane),
      .text(host ?? ""), .text(print), 0, .text(job.line ?? ""), .integer(request.timing.lease.milliseconds),
      .integer(request.timing.heartbeat.milliseconds),
      .text(JSONValue.object(job.scripts.mapValues(JSONValue.string)).canonicalText),
    ]
    let reply = try await call(.submit, arguments + Self.fields(of: job), requestID: job.jobID)
    return reply[0]?.text == "submitted"
  }

  static func fields(of job: JobSubmission) -> [RedisArgument] {
    let request = job.request
    let retries = request.retries
    var fields: [RedisArgument] = [
      "depth", .integer(Int64(request.depth)), "max_runs", .integer(Int64(request.maxRuns ?? 0)),
      "policy", .text(request.policy), "storage", .text(request.storage.text), "source", .text(request.source),
      "category", .text(request.category),
      "app_max", .integer(Int64(retries.attempts)), "app_base_ms", .integer(retries.attemptBase.milliseconds),
      "app_cap_ms", .integer(retries.attemptCap.milliseconds),
      "crash_max", .integer(Int64(retries.crashes)), "crash_base_ms", .integer(retries.crashBase.milliseconds),
      "crash_cap_ms", .integer(86_400_000),
      "blocked_max", .integer(Int64(retries.blocks)), "blocked_base_ms", .integer(retries.blockBase.milliseconds),
      "blocked_cap_ms", .integer(retries.blockCap.milliseconds),
    ]
    for (name, value) in request.politeness.fields { fields += [.text(name), .integer(value)] }
    if let timeout = request.timeout { fields += ["timeout_ms", .integer(timeout.milliseconds)] }
    return fields
  }

  /// A job's counters.
  /// - Throws: `QuarryError(.usage)` when the fleet does not know the job.
  package func status(jobID: String) async throws(QuarryError) -> JobStatus {
    guard let view = JobView(try await call(.viewJob, [.text(jobID)])) else {
      throw QuarryError(
        .usage, "fleet '\(fleet)' has no job '\(jobID)'",
        remedy:
          "what was accepted of it is in its ledger, from which it comes back with: \(flags.rebuild(jobID)); `quarry list jobs\(flags.fleet)` shows those there are"
      )
    }
    return view.status
  }

  /// Tasks of a job that ended dead, first died first.
  package func deaths(jobID: String, limit: Int) async throws(QuarryError) -> [Death] {
    var deaths: [Death] = []
    var offset: Int? = 0
    while let from = offset, deaths.count < limit {
      let page = try await tasks(jobID: jobID, state: .dead, offset: from, limit: min(500, limit - deaths.count))
      deaths += page.tasks.map {
        Death(taskID: $0.taskID, target: $0.target, kind: $0.failure ?? "", error: $0.error ?? "")
      }
      offset = page.next
    }
    return deaths
  }

  static func canonical(_ params: String) throws(QuarryError) -> JSONValue {
    do {
      let value = try JSONParser.parse(params)
      if value.object != nil { return value }
    } catch {
      throw QuarryError(.usage, "the parameters are not JSON: \(error)")
    }
    throw QuarryError(.usage, "the parameters are not a JSON object")
  }
}

package enum Lane: String, Sendable, CaseIterable { case high, `default`, low }

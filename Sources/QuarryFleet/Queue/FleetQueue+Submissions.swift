import QuarryCore
import RedisClient

// Jobs that other programs push as JSON lines onto the list `quarry:{fleet}:submissions`. A coordinator reads them, writes
// each job's ledger record and submits it; `submit` and `reject` take the line off the list in the same step.

extension FleetQueue {
  /// The lines that wait, oldest first, at most `limit`; they stay on the list. As they are: what is not UTF-8 would not be
  /// found again once it is repaired.
  package func waitingSubmissions(limit: Int) async throws(QuarryError) -> [[UInt8]] {
    let reply = try await answer("submissions") { () async throws(RedisError) in
      try await links.calls.send(
        ["LRANGE", .text(keys.submissions), "0", .integer(Int64(max(1, limit) - 1))], repeatable: true)
    }
    return reply.elements?.compactMap(\.bytes) ?? []
  }

  /// Appends a line, which names its job: sent again after a lost reply it is the same job.
  package func push(line: String) async throws(QuarryError) {
    try await change("RPUSH", [.text(keys.submissions), .text(line)])
  }

  /// Whether nobody has taken the line yet.
  package func isWaiting(line: String) async throws(QuarryError) -> Bool {
    let reply = try await answer("submissions") { () async throws(RedisError) in
      try await links.calls.send(["LPOS", .text(keys.submissions), .text(line)], repeatable: true)
    }
    return reply.int != nil
  }

  /// What was refused last, the newest first.
  package func rejects(limit: Int) async throws(QuarryError) -> [RejectedSubmission] {
    let reply = try await answer("rejects") { () async throws(RedisError) in
      try await links.calls.send(
        ["LRANGE", .text(keys.rejects), "0", .integer(Int64(max(1, limit) - 1))], repeatable: true)
    }
    return (reply.elements ?? []).compactMap { $0.text.flatMap(RejectedSubmission.init(parsing:)) }
  }

  /// Takes a line off the list whose job is known.
  func drop(line: String) async throws(QuarryError) {
    try await change("LREM", [.text(keys.submissions), "1", .text(line)])
  }

  /// Replaces a line by one that names its job.
  /// - Returns: false when somebody else has it.
  func name(line: String, as named: String) async throws(QuarryError) -> Bool {
    try await call(.name, [.text(line), .text(named)])[0]?.text == "named"
  }

  private func change(_ command: RedisArgument, _ arguments: [RedisArgument]) async throws(QuarryError) {
    _ = try await answer("submissions") { () async throws(RedisError) in
      try await links.calls.send(RedisCommand([command] + arguments), repeatable: true)
    }
  }

  /// Moves a line that cannot be submitted to the rejects, which keep the last 1,000 with their reasons.
  package func reject(line: [UInt8], because reason: String) async throws(QuarryError) {
    let kept = RejectedSubmission.kept(of: String(decoding: line, as: UTF8.self))
    _ = try await call(.reject, [.bytes(line), .text(kept), .text(reason.cut(to: 1_000))])
  }
}

/// One line of the submissions list: what any program may push.
///
/// `{"script":"list.ts","params":{…}}` with, all optional, `key` (the same key is the same job), `job_id`, `source`,
/// `category`, `policy`, `lane`, `host`, `depth`, `max_runs`, `timeout_ms`, `attempts`, `crashes`, `blocks`,
/// `host_concurrency`, `host_delay_ms`, `host_max_pages`, `auto_throttle`, `job_concurrency`.
package struct SubmissionLine: Sendable, Equatable {
  package var jobID: String
  /// The line says which job it is; else each reading makes another id.
  package var isNamed: Bool
  package var script: String
  /// A JSON object, as text.
  package var params: String
  package var source: String?
  package var category: String?
  package var policy: String?
  package var lane: Lane?
  package var host: String?
  package var depth: Int?
  package var maxRuns: Int?
  package var timeoutMilliseconds: Int?
  package var attempts: Int?
  package var crashes: Int?
  package var blocks: Int?
  package var politeness = Politeness()

  static let names: Set<String> = [
    "key", "job_id", "script", "params", "source", "category", "policy", "lane", "host", "depth", "max_runs",
    "timeout_ms", "attempts", "crashes", "blocks", "host_concurrency", "host_delay_ms", "host_max_pages",
    "auto_throttle", "job_concurrency",
  ]

  /// - Throws: `QuarryError(.usage)` with the reason for the list of rejects.
  package init(parsing line: String) throws(QuarryError) {
    let value: JSONValue
    do { value = try JSONParser.parse(line) } catch { throw QuarryError(.usage, "not JSON: \(error)") }
    guard let members = value.object else { throw QuarryError(.usage, "not a JSON object") }
    if let unknown = members.keys.filter({ !Self.names.contains($0) }).min() {
      throw QuarryError(.usage, "there is no '\(unknown)'")
    }
    let line = Members(members)
    guard let script = try line.text("script"), !script.isEmpty else {
      throw QuarryError(.usage, "'script' is missing")
    }
    self.script = script
    let (id, key) = (try line.text("job_id"), try line.text("key"))
    guard id == nil || key == nil else { throw QuarryError(.usage, "'key' and 'job_id' are both given") }
    guard key?.isEmpty != true else { throw QuarryError(.usage, "'key' is empty") }
    let name = id ?? key.map(Self.jobID(forKey:))
    isNamed = name != nil
    jobID = name ?? UUIDv7.make()
    try FleetQueue.check(jobID, as: "job")
    guard let object = (members["params"] ?? .object([:])).object else {
      throw QuarryError(.usage, "'params' is not an object")
    }
    params = JSONValue.object(object).canonicalText
    source = try line.text("source")
    if let source { try RunPartition.validateSource(source) }
    category = try line.text("category")
    policy = try line.text("policy")
    host = try line.text("host")
    lane = try line.lane()
    depth = try line.number("depth", atLeast: 0)
    maxRuns = try line.number("max_runs", atLeast: 1)
    timeoutMilliseconds = try line.number("timeout_ms", atLeast: 1)
      .map { Swift.min($0, DerivedWork.Options.timeouts.upperBound) }
    attempts = try line.number("attempts", atLeast: 1)
    crashes = try line.number("crashes", atLeast: 1)
    blocks = try line.number("blocks", atLeast: 1)
    politeness.hostConcurrency = try line.number("host_concurrency", atLeast: 1)
    politeness.hostDelay = try line.number("host_delay_ms", 1...Int(Politeness.longestDelay.milliseconds)).map {
      .milliseconds($0)
    }
    politeness.hostMaxPages = try line.number("host_max_pages", atLeast: 1)
    politeness.autoThrottle = try line.truth("auto_throttle") ?? false
    politeness.jobConcurrency = try line.number("job_concurrency", atLeast: 1)
  }

  /// The line with this job's id.
  /// - Throws: `QuarryError(.usage)` for a line that was never read.
  func naming(_ line: String) throws(QuarryError) -> String {
    let value: JSONValue
    do { value = try JSONParser.parse(line) } catch { throw QuarryError(.usage, "not JSON: \(error)") }
    var members = value.object ?? [:]
    members["job_id"] = .string(jobID)
    return JSONValue.object(members).canonicalText
  }

  /// The job's id for a client's key: always the same, so that a second submission changes nothing.
  package static func jobID(forKey key: String) -> String {
    "key-" + Fingerprint.ofContent(Array(key.utf8)).prefix(32)
  }

  private struct Members {
    let values: [String: JSONValue]

    init(_ values: [String: JSONValue]) { self.values = values }

    func text(_ name: String) throws(QuarryError) -> String? {
      guard let value = values[name] else { return nil }
      guard let text = value.string else { throw QuarryError(.usage, "'\(name)' is not a text") }
      return text
    }

    func number(_ name: String, atLeast least: Int) throws(QuarryError) -> Int? { try number(name, least...(1 << 40)) }

    func number(_ name: String, _ range: ClosedRange<Int>) throws(QuarryError) -> Int? {
      guard let value = values[name] else { return nil }
      guard let number = value.integer.map(Int.init), range.contains(number) else {
        throw QuarryError(
          .usage, "'\(name)' is not a whole number from \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }

    func truth(_ name: String) throws(QuarryError) -> Bool? {
      guard let value = values[name] else { return nil }
      guard case .bool(let truth) = value else { throw QuarryError(.usage, "'\(name)' is neither true nor false") }
      return truth
    }

    func lane() throws(QuarryError) -> Lane? {
      guard let text = try text("lane") else { return nil }
      guard let lane = Lane(rawValue: text) else { throw QuarryError(.usage, "there is no lane '\(text)'") }
      return lane
    }
  }
}

extension Politeness {
  /// The members of a submission's line that say it.
  package var submissionMembers: [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    members["host_concurrency"] = hostConcurrency.map { .integer(Int64($0)) }
    members["host_delay_ms"] = hostDelay.map { .integer($0.milliseconds) }
    members["host_max_pages"] = hostMaxPages.map { .integer(Int64($0)) }
    members["job_concurrency"] = jobConcurrency.map { .integer(Int64($0)) }
    if autoThrottle { members["auto_throttle"] = .bool(true) }
    return members
  }
}

/// A submission that could not be a job.
package struct RejectedSubmission: Sendable, Equatable {
  /// What is `kept` of it.
  package var line: String
  package var reason: String
  package var at: Timestamp?

  /// The first 4 KiB.
  package static func kept(of line: String) -> String { line.cut(to: 4_096) }

  init?(parsing text: String) {
    // What another program put there is none.
    guard let value = try? JSONParser.parse(text), let line = value["line"]?.string else { return nil }
    self.line = line
    reason = value["reason"]?.string ?? ""
    at = value["at"]?.integer.map { Timestamp(milliseconds: $0) }
  }
}

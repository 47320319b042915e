import QuarryCore
import RedisClient

/// Reads what scripts answer; anything else than their headers say is an error, never a guess.
enum Replies {
  static func claim(_ reply: RedisReply, from script: String) throws(QuarryError) -> ClaimAnswer {
    guard let tasks = reply[4]?.elements else { throw FleetQueue.unexpected(reply, from: script) }
    return try claim(of: tasks, under: reply, from: script)
  }

  /// - Parameter reply: begins with what holds for all that it hands out.
  private static func claim(
    of tasks: [RedisReply], under reply: RedisReply, from script: String
  ) throws(QuarryError) -> ClaimAnswer {
    guard let lease = reply[0]?.int, let heartbeat = reply[1]?.int, let due = reply[2]?.int, let paused = reply[3]?.int
    else { throw FleetQueue.unexpected(reply, from: script) }
    return ClaimAnswer(
      tasks: try tasks.map { task throws(QuarryError) in try assignment(task) },
      nextDueMilliseconds: due < 0 ? nil : due,
      timing: timing(lease, heartbeat), isPaused: paused == 1)
  }

  static func started(_ reply: RedisReply, count: Int) throws(QuarryError) -> [StartAnswer] {
    guard let answers = reply.elements, answers.count == count else {
      throw FleetQueue.unexpected(reply, from: "started")
    }
    return answers.map { $0[0]?.text == "started" ? .started : .refused($0[1]?.text ?? "") }
  }

  private static func assignment(_ reply: RedisReply) throws(QuarryError) -> TaskAssignment {
    guard reply.elements?.count == 15, let epoch = reply[3]?.int, let attempt = reply[4]?.int, let depth = reply[7]?.int
    else { throw FleetQueue.unexpected(reply, from: "claim") }
    func text(_ index: Int) -> String { reply[index]?.text ?? "" }
    return TaskAssignment(
      taskID: text(0), jobID: text(1), runID: text(2), epoch: epoch, attempt: Int(attempt),
      parentRunID: optional(text(5)),
      originRunID: optional(text(6)), depth: Int(depth), target: text(8), params: text(9), source: text(10),
      category: text(11), policy: text(12), timeoutMilliseconds: Int(text(13)), scriptHash: optional(text(14)))
  }

  static func renew(_ reply: RedisReply) throws(QuarryError) -> RenewAnswer {
    guard let lease = reply[0]?.int, let heartbeat = reply[1]?.int, let control = reply[2]?.int,
      let mustJoin = reply[4]?.int, let lost = reply[5]?.elements, let cancelled = reply[6]?.elements
    else { throw FleetQueue.unexpected(reply, from: "renew") }
    return RenewAnswer(
      lost: Set(lost.compactMap(\.text)), cancelled: Set(cancelled.compactMap(\.text)),
      timing: timing(lease, heartbeat),
      leader: optional(reply[3]?.text), controlVersion: control, mustJoin: mustJoin == 1,
      mustDrain: reply[7]?.text == WorkerHold.drain.rawValue)
  }

  static func emit(_ reply: RedisReply) throws(QuarryError) -> EmitAnswer {
    switch reply[0]?.text {
    case "taken": return .taken
    case "full": return .full
    case "refused": return .refused(reply[1]?.text ?? "")
    default: throw FleetQueue.unexpected(reply, from: "emit")
    }
  }

  static func complete(_ reply: RedisReply, of runs: [RunCompletion]) throws(QuarryError) -> [CompleteAnswer] {
    guard let answers = reply[4]?.elements, answers.count == runs.count else {
      throw FleetQueue.unexpected(reply, from: "complete")
    }
    var all: [CompleteAnswer] = []
    for (run, answer) in zip(runs, answers) { all.append(try complete(answer, of: run, under: reply)) }
    return all
  }

  private static func complete(
    _ answer: RedisReply, of run: RunCompletion, under reply: RedisReply
  ) throws(QuarryError) -> CompleteAnswer {
    switch answer[0]?.text {
    case "accepted":
      guard let entry = answer[1], let next = answer[2]?.elements else { break }
      return .accepted(
        try pending(entry, of: run), next: run.claimsNext ? try claim(of: next, under: reply, from: "complete") : nil)
    case "refused": return .refused(answer[1]?.text ?? "")
    default: break
    }
    throw FleetQueue.unexpected(answer, from: "complete")
  }

  /// The entry of a run that is accepted: what its worker knows, and what Redis adds to it.
  /// - Returns: nil for the empty array, which says that the entry is settled.
  private static func pending(_ reply: RedisReply, of run: RunCompletion) throws(QuarryError) -> PendingEntry? {
    guard let elements = reply.elements else { throw FleetQueue.unexpected(reply, from: "complete") }
    if elements.isEmpty { return nil }
    guard let id = reply[0]?.text, let depth = reply[1]?.int, let children = reply[4]?.elements else {
      throw FleetQueue.unexpected(reply, from: "complete")
    }
    let assigned = run.task
    let work = WorkRecord(
      target: assigned.target, params: assigned.params, source: assigned.source, category: assigned.category)
    let task = TaskRecord(
      taskID: assigned.taskID, epoch: assigned.epoch, attempt: assigned.attempt, depth: Int(depth), work: work,
      parentTaskID: optional(reply[2]?.text), originRunID: assigned.originRunID,
      fingerprint: optional(hex(reply[3]?.bytes ?? [])))
    var figures = run.figures
    figures.hosts = []
    let record = AcceptedRecord(task: task, runID: assigned.runID, figures: figures, children: try works(children))
    return PendingEntry(id: id, jobID: assigned.jobID, entry: .accepted(record))
  }

  static func fail(_ reply: RedisReply) throws(QuarryError) -> FailAnswer {
    guard let state = reply[0]?.text else { throw FleetQueue.unexpected(reply, from: "fail") }
    switch state {
    case "scheduled", "ready": return FailAnswer(next: state)
    case "dead": return FailAnswer(next: state, pending: try pending(reply[1] ?? .null))
    default: return FailAnswer(next: reply[1]?.text ?? state)
    }
  }

  /// - Returns: nil for the empty array, which says that the entry is settled.
  static func pending(_ reply: RedisReply) throws(QuarryError) -> PendingEntry? {
    guard let elements = reply.elements else { throw FleetQueue.unexpected(reply, from: "ledger entry") }
    if elements.isEmpty { return nil }
    guard elements.count == 19, let epoch = reply[5]?.int, let attempt = reply[6]?.int, let depth = reply[7]?.int,
      let children = reply[17]?.elements
    else { throw FleetQueue.unexpected(reply, from: "ledger entry") }
    func text(_ index: Int) -> String { reply[index]?.text ?? "" }
    let task = TaskRecord(
      taskID: text(3), epoch: epoch, attempt: Int(attempt), depth: Int(depth),
      work: WorkRecord(target: text(8), params: text(9), source: text(10), category: text(11)),
      parentTaskID: optional(text(12)), originRunID: optional(text(13)),
      fingerprint: optional(hex(reply[18]?.bytes ?? [])))
    let ended = EndedTaskRecord(task: task, failure: text(14), reason: text(15))
    let entry: LedgerEntry
    switch text(1) {
    case "accepted":
      entry = .accepted(
        AcceptedRecord(
          task: task, runID: text(4), figures: try figures(text(16)), children: try works(children)))
    case "dead": entry = .dead(ended)
    case "cancelled": entry = .cancelled(ended)
    case "requeued": entry = .requeued(taskID: text(3))
    default: throw FleetQueue.unexpected(reply, from: "ledger entry")
    }
    return PendingEntry(id: text(0), jobID: text(2), entry: entry)
  }

  static func timing(_ lease: Int64, _ heartbeat: Int64) -> LeaseTiming {
    LeaseTiming(lease: .milliseconds(lease), heartbeat: .milliseconds(heartbeat))
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  static func optional(_ text: String?) -> String? { text?.isEmpty == false ? text : nil }

  static func encode(_ figures: RunFigures) -> String {
    var out: [UInt8] = [UInt8(ascii: "{")]
    JSONText.appendMember("outcome", figures.outcome?.rawValue, to: &out)
    JSONText.appendMember("event_count", Int64(figures.eventCount), to: &out)
    JSONText.appendMember("item_count", Int64(figures.itemCount), to: &out)
    JSONText.appendMember("enqueue_rejected", Int64(figures.enqueuesRejected), to: &out)
    JSONText.appendMember("duration_ms", figures.durationMilliseconds, to: &out)
    JSONText.appendMember("storage_path", figures.storagePath, to: &out)
    JSONText.appendMember("day", figures.day, to: &out)
    out.append(UInt8(ascii: "}"))
    return String(decoding: out, as: UTF8.self)
  }

  /// As scripts take them: hosts by the names that tasks are charged to, durations in ms.
  static func encode(_ hosts: [HostNote]) -> String {
    JSONValue.array(hosts.map { .object(members(of: $0)) }).canonicalText
  }

  private static func members(of note: HostNote) -> [String: JSONValue] {
    var members: [String: JSONValue] = ["host": .string(note.host.isEmpty ? "" : WorkHost.normalise(note.host))]
    if note.hasRefused { members["refused"] = true }
    if note.hasAnswered { members["answered"] = true }
    members["wait_ms"] = note.wait.map { .integer($0.milliseconds) }
    members["crawl_ms"] = note.crawlDelay.map { .integer($0.milliseconds) }
    members["ms"] = note.latency.map { .integer($0.milliseconds) }
    return members
  }

  private static func works(_ replies: [RedisReply]) throws(QuarryError) -> [WorkRecord] {
    var works: [WorkRecord] = []
    for reply in replies {
      guard let work = reply.text.flatMap(Emission.decode) else {
        throw FleetQueue.unexpected(reply, from: "ledger entry")
      }
      works.append(work)
    }
    return works
  }

  private static func figures(_ text: String) throws(QuarryError) -> RunFigures {
    if text.isEmpty { return RunFigures(outcome: nil) }
    let value: JSONValue
    do { value = try JSONParser.parse(text) } catch {
      throw FleetQueue.unexpected(.bulk(Array(text.utf8)), from: "ledger entry")
    }
    return RunFigures(
      outcome: value["outcome"]?.string.flatMap(Outcome.init(rawValue:)),
      eventCount: Int(value["event_count"]?.integer ?? 0), itemCount: Int(value["item_count"]?.integer ?? 0),
      enqueuesRejected: Int(value["enqueue_rejected"]?.integer ?? 0),
      durationMilliseconds: value["duration_ms"]?.integer ?? 0, storagePath: value["storage_path"]?.string ?? "",
      day: value["day"]?.string ?? "")
  }
}

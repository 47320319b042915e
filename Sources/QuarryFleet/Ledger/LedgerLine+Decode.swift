import QuarryCore

extension LedgerLine {
  /// Reads a line back; members that are not known are passed over, so that later versions may add some.
  /// - Returns: nil for a `kind` that is not known.
  /// - Throws: `QuarryError(.storage)` for a line that is not JSON or lacks what its kind needs.
  package static func decode(_ line: String) throws(QuarryError) -> LedgerEntry? {
    let value: JSONValue
    do { value = try JSONParser.parse(line) } catch {
      throw QuarryError(.storage, "a ledger line is not JSON: \(error)")
    }
    switch try text("kind", of: value) {
    case "job": return .job(try job(value))
    case "children": return .children(try childrenPart(value))
    case "accepted": return .accepted(try accepted(value))
    case "dead": return .dead(try ended(value))
    case "cancelled": return .cancelled(try ended(value))
    case "requeued": return .requeued(taskID: try text("task_id", of: value))
    default: return nil
    }
  }

  private static func job(_ value: JSONValue) throws(QuarryError) -> JobRecord {
    let root = try member("root", of: value)
    let storage = try member("storage", of: value)
    var record = JobRecord(
      root: try work(root), rootTaskID: try text("task_id", of: root),
      depth: Int(value["limits"]?["depth"]?.integer ?? 0),
      maxRuns: value["limits"]?["max_runs"]?.integer.map { Int($0) }, policy: try text("policy", of: value),
      storage: StorageIdentity(
        backend: try text("backend", of: storage), dataset: try text("dataset", of: storage),
        id: try text("id", of: storage)),
      scripts: (value["scripts"]?.object ?? [:]).compactMapValues(\.string))
    record.politeness = politeness(value["limits"] ?? .object([:]))
    return record
  }

  private static func politeness(_ limits: JSONValue) -> Politeness {
    func bound(_ name: String) -> Int? { limits[name]?.integer.map { Int($0) } }
    var politeness = Politeness()
    politeness.hostConcurrency = bound("host_concurrency")
    politeness.hostDelay = bound("host_delay_ms").map { .milliseconds($0) }
    politeness.hostMaxPages = bound("host_max_pages")
    politeness.autoThrottle = limits["auto_throttle"] == .bool(true)
    politeness.jobConcurrency = bound("job_concurrency")
    return politeness
  }

  private static func accepted(_ value: JSONValue) throws(QuarryError) -> AcceptedRecord {
    var record = AcceptedRecord(
      task: try task(value), runID: try text("accepted_run_id", of: value), figures: figures(value),
      children: try children(value))
    record.childParts = Int(value["child_parts"]?.integer ?? 0)
    return record
  }

  private static func childrenPart(_ value: JSONValue) throws(QuarryError) -> ChildrenRecord {
    ChildrenRecord(
      taskID: try text("task_id", of: value), runID: try text("accepted_run_id", of: value),
      part: Int(try integer("part", of: value)), children: try children(value))
  }

  private static func children(_ value: JSONValue) throws(QuarryError) -> [WorkRecord] {
    var children: [WorkRecord] = []
    for child in value["children"]?.array ?? [] { children.append(try work(child)) }
    return children
  }

  private static func task(_ value: JSONValue) throws(QuarryError) -> TaskRecord {
    TaskRecord(
      taskID: try text("task_id", of: value), epoch: try integer("epoch", of: value),
      attempt: Int(value["attempt"]?.integer ?? 1), depth: Int(value["depth"]?.integer ?? 0),
      work: try work(value, prefix: "task_"), parentTaskID: value["parent_task_id"]?.string,
      originRunID: value["origin_run_id"]?.string, fingerprint: value["fingerprint"]?.string)
  }

  private static func figures(_ value: JSONValue) -> RunFigures {
    RunFigures(
      outcome: value["outcome"]?.string.flatMap(Outcome.init(rawValue:)),
      eventCount: Int(value["event_count"]?.integer ?? 0), itemCount: Int(value["item_count"]?.integer ?? 0),
      durationMilliseconds: value["duration_ms"]?.integer ?? 0, storagePath: value["storage_path"]?.string ?? "",
      day: value["run_day"]?.string ?? "")
  }

  private static func ended(_ value: JSONValue) throws(QuarryError) -> EndedTaskRecord {
    EndedTaskRecord(
      task: try task(value), failure: value["failure"]?.string ?? "", reason: value["reason"]?.string ?? "")
  }

  private static func work(_ value: JSONValue, prefix: String = "") throws(QuarryError) -> WorkRecord {
    let options = value["options"]
    return WorkRecord(
      index: value["index"]?.integer.map { Int($0) }, target: try text("target", of: value),
      params: (value["params"] ?? .object([:])).canonicalText, source: value[prefix + "source"]?.string,
      category: value[prefix + "category"]?.string,
      options: DerivedWork.Options(
        lane: options?["lane"]?.string, delayMilliseconds: options?["delay_ms"]?.integer.map { Int($0) },
        timeoutMilliseconds: options?["timeout_ms"]?.integer.map { Int($0) },
        dedupKey: options?["dedup_key"]?.string, host: options?["host"]?.string))
  }

  private static func member(_ name: String, of value: JSONValue) throws(QuarryError) -> JSONValue {
    guard let found = value[name] else { throw QuarryError(.storage, "a ledger line has no '\(name)'") }
    return found
  }

  private static func text(_ name: String, of value: JSONValue) throws(QuarryError) -> String {
    guard let found = value[name]?.string else { throw QuarryError(.storage, "a ledger line has no text '\(name)'") }
    return found
  }

  private static func integer(_ name: String, of value: JSONValue) throws(QuarryError) -> Int64 {
    guard let found = value[name]?.integer else { throw QuarryError(.storage, "a ledger line has no number '\(name)'") }
    return found
  }
}

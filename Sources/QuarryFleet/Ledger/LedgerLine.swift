import QuarryCore

/// Writes ledger entries as the JSON lines that `Ledger.append` takes.
package enum LedgerLine {
  /// Beyond this many bytes the children of a run go into lines of their own, each up to this long, or longer with a
  /// single child. With `WorkRecord.limit` it keeps every line below `RecordBatch.lineLimit`.
  static let childrenLimit = 1 << 20

  /// - Parameter time: when the entry is written; rebuild follows the snapshot chain, never this.
  /// - Returns: one line, or several that belong together, to be written in this order and in one commit.
  package static func encode(_ entry: LedgerEntry, jobID: String, time: Timestamp) -> [String] {
    guard case .accepted(var record) = entry else { return [line(entry, jobID: jobID, time: time)] }
    let parts = split(record.children)
    guard !parts.isEmpty else { return [line(entry, jobID: jobID, time: time)] }
    record.children = []
    record.childParts = parts.count
    let lines = parts.enumerated().map { part, children in
      line(
        .children(ChildrenRecord(taskID: record.task.taskID, runID: record.runID, part: part, children: children)),
        jobID: jobID, time: time)
    }
    return lines + [line(.accepted(record), jobID: jobID, time: time)]
  }

  /// Bytes of the work in a line.
  static func size(of work: WorkRecord) -> Int {
    var out: [UInt8] = []
    append(work, to: &out)
    return out.count
  }

  /// - Returns: nothing when the children have room beside their task.
  private static func split(_ children: [WorkRecord]) -> [[WorkRecord]] {
    let sizes = children.map { size(of: $0) + 3 }  // braces and comma
    guard sizes.reduce(0, +) > childrenLimit else { return [] }
    var parts: [[WorkRecord]] = []
    var room = 0
    for (child, size) in zip(children, sizes) {
      if size > room {
        parts.append([])
        room = childrenLimit
      }
      parts[parts.count - 1].append(child)
      room -= size
    }
    return parts
  }

  private static func line(_ entry: LedgerEntry, jobID: String, time: Timestamp) -> String {
    var out: [UInt8] = [UInt8(ascii: "{")]
    JSONText.appendMember("kind", entry.kind, to: &out)
    JSONText.appendMember("job_id", jobID, to: &out)
    JSONText.appendMember("ts", time.text(), to: &out)
    switch entry {
    case .job(let record): append(record, to: &out)
    case .children(let record): append(record, to: &out)
    case .accepted(let record): append(record, to: &out)
    case .dead(let record), .cancelled(let record): append(record, to: &out)
    case .requeued(let taskID): JSONText.appendMember("task_id", taskID, to: &out)
    }
    out.append(UInt8(ascii: "}"))
    return String(decoding: out, as: UTF8.self)
  }

  private static func append(_ record: JobRecord, to out: inout [UInt8]) {
    JSONText.appendMember("contract_version", Version.current, to: &out)
    JSONText.appendKey("root", to: &out)
    out.append(UInt8(ascii: "{"))
    JSONText.appendMember("task_id", record.rootTaskID, to: &out)
    append(record.root, to: &out)
    out.append(UInt8(ascii: "}"))
    JSONText.appendKey("limits", to: &out)
    out.append(UInt8(ascii: "{"))
    JSONText.appendMember("depth", Int64(record.depth), to: &out)
    append("max_runs", record.maxRuns, to: &out)
    append(record.politeness, to: &out)
    out.append(UInt8(ascii: "}"))
    JSONText.appendMember("policy", record.policy, to: &out)
    JSONText.appendKey("storage", to: &out)
    out.append(UInt8(ascii: "{"))
    JSONText.appendMember("backend", record.storage.backend, to: &out)
    JSONText.appendMember("dataset", record.storage.dataset, to: &out)
    JSONText.appendMember("id", record.storage.id, to: &out)
    out.append(UInt8(ascii: "}"))
    JSONText.appendKey("scripts", to: &out)
    out += JSONValue.object(record.scripts.mapValues(JSONValue.string)).canonicalText.utf8
  }

  /// Only the bounds that there are.
  private static func append(_ politeness: Politeness, to out: inout [UInt8]) {
    append("host_concurrency", politeness.hostConcurrency, to: &out)
    append("host_delay_ms", politeness.hostDelay.map { Int($0.milliseconds) }, to: &out)
    append("host_max_pages", politeness.hostMaxPages, to: &out)
    if politeness.autoThrottle {
      JSONText.appendKey("auto_throttle", to: &out)
      out += "true".utf8
    }
    append("job_concurrency", politeness.jobConcurrency, to: &out)
  }

  private static func append(_ record: AcceptedRecord, to out: inout [UInt8]) {
    append(record.task, to: &out)
    JSONText.appendMember("accepted_run_id", record.runID, to: &out)
    JSONText.appendMember("outcome", record.figures.outcome?.rawValue, to: &out)
    JSONText.appendMember("event_count", Int64(record.figures.eventCount), to: &out)
    JSONText.appendMember("item_count", Int64(record.figures.itemCount), to: &out)
    JSONText.appendMember("duration_ms", record.figures.durationMilliseconds, to: &out)
    JSONText.appendMember("storage_path", record.figures.storagePath, to: &out)
    JSONText.appendMember("run_day", record.figures.day, to: &out)
    if record.childParts > 0 { JSONText.appendMember("child_parts", Int64(record.childParts), to: &out) }
    append(record.children, to: &out)
  }

  private static func append(_ record: ChildrenRecord, to out: inout [UInt8]) {
    JSONText.appendMember("task_id", record.taskID, to: &out)
    JSONText.appendMember("accepted_run_id", record.runID, to: &out)
    JSONText.appendMember("part", Int64(record.part), to: &out)
    append(record.children, to: &out)
  }

  private static func append(_ record: EndedTaskRecord, to out: inout [UInt8]) {
    append(record.task, to: &out)
    JSONText.appendMember("failure", record.failure, to: &out)
    JSONText.appendMember("reason", record.reason, to: &out)
  }

  private static func append(_ task: TaskRecord, to out: inout [UInt8]) {
    JSONText.appendMember("task_id", task.taskID, to: &out)
    JSONText.appendMember("epoch", task.epoch, to: &out)
    JSONText.appendMember("attempt", Int64(task.attempt), to: &out)
    JSONText.appendMember("depth", Int64(task.depth), to: &out)
    append(task.work, isTopLevel: true, to: &out)
    JSONText.appendMember("parent_task_id", task.parentTaskID, to: &out)
    JSONText.appendMember("origin_run_id", task.originRunID, to: &out)
    JSONText.appendMember("fingerprint", task.fingerprint, to: &out)
  }

  private static func append(_ children: [WorkRecord], to out: inout [UInt8]) {
    JSONText.appendKey("children", to: &out)
    out.append(UInt8(ascii: "["))
    for child in children {
      JSONText.appendSeparator(to: &out)
      out.append(UInt8(ascii: "{"))
      append(child, to: &out)
      out.append(UInt8(ascii: "}"))
    }
    out.append(UInt8(ascii: "]"))
  }

  /// - Parameter isTopLevel: `source` and `category` of the line itself are its partition's.
  private static func append(_ work: WorkRecord, isTopLevel: Bool = false, to out: inout [UInt8]) {
    append("index", work.index, to: &out)
    JSONText.appendMember("target", work.target, to: &out)
    JSONText.appendKey("params", to: &out)
    out += (work.params.isEmpty ? "{}" : work.params).utf8
    JSONText.appendMember(isTopLevel ? "task_source" : "source", work.source, to: &out)
    JSONText.appendMember(isTopLevel ? "task_category" : "category", work.category, to: &out)
    guard work.options != DerivedWork.Options() else { return }
    JSONText.appendKey("options", to: &out)
    out.append(UInt8(ascii: "{"))
    JSONText.appendMember("lane", work.options.lane, to: &out)
    append("delay_ms", work.options.delayMilliseconds, to: &out)
    append("timeout_ms", work.options.timeoutMilliseconds, to: &out)
    JSONText.appendMember("dedup_key", work.options.dedupKey, to: &out)
    JSONText.appendMember("host", work.options.host, to: &out)
    out.append(UInt8(ascii: "}"))
  }

  private static func append(_ name: StaticString, _ value: Int?, to out: inout [UInt8]) {
    if let value { JSONText.appendMember(name, Int64(value), to: &out) }
  }
}

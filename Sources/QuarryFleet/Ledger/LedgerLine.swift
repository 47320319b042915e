import QuarryCore

/// Writes ledger entries as the JSON lines that `Ledger.append` takes.
package enum LedgerLine {
  /// - Parameter time: when the entry is written; rebuild follows the snapshot chain, never this.
  package static func encode(_ entry: LedgerEntry, jobID: String, time: Timestamp) -> String {
    var out: [UInt8] = [UInt8(ascii: "{")]
    JSONText.appendMember("kind", entry.kind, to: &out)
    JSONText.appendMember("job_id", jobID, to: &out)
    JSONText.appendMember("ts", time.text(), to: &out)
    switch entry {
    case .job(let record): append(record, to: &out)
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

  private static func append(_ record: AcceptedRecord, to out: inout [UInt8]) {
    JSONText.appendMember("task_id", record.taskID, to: &out)
    JSONText.appendMember("accepted_run_id", record.runID, to: &out)
    JSONText.appendMember("epoch", record.epoch, to: &out)
    JSONText.appendMember("attempt", Int64(record.attempt), to: &out)
    JSONText.appendMember("depth", Int64(record.depth), to: &out)
    append(record.work, isTopLevel: true, to: &out)
    JSONText.appendMember("parent_task_id", record.parentTaskID, to: &out)
    JSONText.appendMember("origin_run_id", record.originRunID, to: &out)
    JSONText.appendMember("outcome", record.figures.outcome?.rawValue, to: &out)
    JSONText.appendMember("event_count", Int64(record.figures.eventCount), to: &out)
    JSONText.appendMember("item_count", Int64(record.figures.itemCount), to: &out)
    JSONText.appendMember("duration_ms", record.figures.durationMilliseconds, to: &out)
    JSONText.appendMember("storage_path", record.figures.storagePath, to: &out)
    JSONText.appendMember("run_day", record.figures.day, to: &out)
    JSONText.appendKey("children", to: &out)
    out.append(UInt8(ascii: "["))
    for child in record.children {
      JSONText.appendSeparator(to: &out)
      out.append(UInt8(ascii: "{"))
      append(child, to: &out)
      out.append(UInt8(ascii: "}"))
    }
    out.append(UInt8(ascii: "]"))
  }

  private static func append(_ record: EndedTaskRecord, to out: inout [UInt8]) {
    JSONText.appendMember("task_id", record.taskID, to: &out)
    JSONText.appendMember("epoch", record.epoch, to: &out)
    JSONText.appendMember("attempt", Int64(record.attempt), to: &out)
    JSONText.appendMember("depth", Int64(record.depth), to: &out)
    append(record.work, isTopLevel: true, to: &out)
    JSONText.appendMember("parent_task_id", record.parentTaskID, to: &out)
    JSONText.appendMember("origin_run_id", record.originRunID, to: &out)
    JSONText.appendMember("failure", record.failure, to: &out)
    JSONText.appendMember("reason", record.reason, to: &out)
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

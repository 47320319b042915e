import QuarryCore
import QuarryLode

/// Runs and jobs of a dataset, as data.
extension Output {
  static func runRow(_ run: RunSummary) -> Output {
    .record([
      ("run_id", .string(run.runID)), ("state", .string(run.state.rawValue)), ("started_at", .time(run.startedAt)),
      ("ended_at", .time(run.endedAt)), ("source", .string(run.source)), ("category", .string(run.category)),
      ("job_id", .optional(run.jobID)),
    ])
  }

  static func run(_ detail: RunDetail, lineage: Lineage) -> Output {
    let events = detail.counts.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.integer($0.value)) }
    return .record(
      values(detail).map { Field(name: $0.0, value: .value($0.1)) } + [
        Field(name: "error", value: detail.error.map(failure) ?? detail.metrics.map(failureOfMetrics) ?? .value(.null)),
        Field(name: "events", value: .record(events)),
        Field(name: "drops", value: detail.metrics.map(drops) ?? .value(.null)),
        Field(name: "flushes", value: detail.metrics?["flush_triggers"].map(tree) ?? .value(.null)),
        Field(name: "artifacts", value: .list(detail.artifacts.map(artifact))),
        Field(name: "sidecar_files", value: .list(detail.sidecarFiles.map(file))),
        Field(name: "metrics", value: detail.metrics.map(tree) ?? .value(.null)),
        Field(name: "ancestors", value: lineage.ancestors),
        Field(name: "children", value: lineage.children),
      ])
  }

  private static func values(_ detail: RunDetail) -> [(String, JSONValue)] {
    let run = detail.summary
    var values: [(String, JSONValue)] = [
      ("run_id", .string(run.runID)), ("job_id", .optional(run.jobID)), ("state", .string(run.state.rawValue)),
      ("attempt", .optional(run.attempt)), ("parent_run", .optional(run.parentRunID)), ("depth", .optional(run.depth)),
      ("policy", .optional(run.policy)), ("started_at", .time(run.startedAt)), ("ended_at", .time(run.endedAt)),
      ("last_stored_at", .time(run.lastStoredAt)), ("source", .string(run.source)),
      ("category", .string(run.category)), ("day", .string(run.day)), ("snapshots", .count(detail.snapshotCount)),
      ("data_bytes", .integer(detail.dataBytes)),
    ]
    if let task = run.taskID {
      values += [
        ("task_id", .string(task)), ("epoch", run.epoch.map { .integer($0) } ?? .null),
        ("origin_run_id", .optional(run.originRunID)), ("accepted", detail.isAccepted.map(JSONValue.bool) ?? .null),
      ]
    }
    if let pool = detail.metrics?["proxy_pool"] {
      let asked = detail.metrics?["rotate_proxy_total"]?.integer ?? 0
      values += [
        ("proxy_pool", pool), ("proxy_endpoint", detail.metrics?["proxy_endpoint"] ?? .null),
        ("proxy_rotated", .bool(asked > 0)),
      ]
    }
    return values
  }

  /// What its `run_error` says, without the stack.
  private static func failure(_ payload: JSONValue) -> Output {
    .record([("error_type", payload["error_type"] ?? .null), ("message", payload["message"] ?? .null)])
  }

  /// What its metrics say where the script said nothing.
  private static func failureOfMetrics(_ metrics: JSONValue) -> Output {
    guard let type = metrics["error_type"], type != .null else { return .value(.null) }
    return .record([("error_type", type), ("message", metrics["error_message"] ?? .null)])
  }

  private static func drops(_ metrics: JSONValue) -> Output {
    .record([
      Field(name: "total", value: .value(metrics["events_dropped_total"] ?? .null)),
      Field(name: "by_type", value: metrics["dropped_by_type"].map(tree) ?? .record([Field]())),
    ])
  }

  static func jobRow(_ job: JobFigures) -> Output {
    .record([
      ("job_id", .string(job.jobID)), ("state", .string(job.state.rawValue)), ("runs", .count(job.runs.total)),
      ("started_at", .time(job.firstStartedAt)), ("running", .count(job.runs[.running])),
      ("succeeded", .count(job.runs[.succeeded])), ("failed", .count(job.runs[.failed])),
      ("lost", .count(job.runs[.lost])), ("dead_tasks", .optional(job.tasks?.dead)),
    ])
  }

  static func job(_ job: JobSummary) -> Output {
    let verdict = job.ended.map(LedgerVerdict.init)
    return .record([
      Field(name: "job_id", value: .value(.string(job.jobID))),
      Field(name: "state", value: .value(.string(job.state.rawValue))),
      Field(name: "run_ids", value: .list(job.runs.reversed().map { .value(.string($0.runID)) })),
      Field(name: "tasks", value: job.tasks.map(taskEnds) ?? .value(.null)),
      Field(name: "accepted_run_ids", value: verdict.map { .list($0.accepted) } ?? .value(.null)),
      Field(name: "superseded", value: verdict.map { .list($0.superseded(among: job.runs)) } ?? .value(.null)),
      Field(name: "dead", value: verdict.map { .list($0.dead) } ?? .value(.null)),
      Field(name: "runs", value: Lineage.trees(of: job.runs, verdict: verdict)),
    ])
  }

  private static func taskEnds(_ tasks: TaskEndCounts) -> Output {
    .record([("done", .count(tasks.done)), ("dead", .count(tasks.dead)), ("cancelled", .count(tasks.cancelled))])
  }

  private static func artifact(_ artifact: StoredArtifact) -> Output {
    .record([
      ("name", .optional(artifact.name)), ("content_type", .optional(artifact.contentType)),
      ("size_bytes", .integer(artifact.size)), ("artifact_id", .string(artifact.id)),
      ("state", .string(artifact.isComplete ? "complete" : artifact.isOrphan ? "orphaned" : "incomplete")),
    ])
  }

  private static func file(_ file: SidecarFile) -> Output {
    .record([
      ("filename", .string(file.filename)), ("content_type", .string(file.contentType)),
      ("size", .integer(file.size)), ("path", .string(file.path)),
    ])
  }
}

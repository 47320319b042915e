import QuarryCore
import QuarryLode

/// Counts of runs, jobs, tasks, executors and proxies, and metrics, as data.
extension Output {
  static func totals(_ runs: RunCounts) -> Output {
    .record([
      ("total", .count(runs.total)), ("running", .count(runs[.running])), ("succeeded", .count(runs[.succeeded])),
      ("failed", .count(runs[.failed])), ("lost", .count(runs[.lost])),
    ])
  }

  /// - Parameter total: nil for what is not known, as the others.
  static func totals(total: Int?, running: Int?, succeeded: Int?, failed: Int?) -> Output {
    .record([
      ("total", .optional(total)), ("running", .optional(running)), ("succeeded", .optional(succeeded)),
      ("failed", .optional(failed)),
    ])
  }

  static func tasks(_ tasks: TaskTotals) -> Output {
    .record([
      ("total", .count(tasks.total)), ("running", .count(tasks.running)), ("succeeded", .count(tasks.succeeded)),
      ("failed", .count(tasks.failed)), ("cancelled", .count(tasks.cancelled)), ("queued", .optional(tasks.queued)),
    ])
  }

  static func executorRow(_ executor: ExecutorView) -> Output {
    var values: [(String, JSONValue)] = [
      ("executor_id", .string(executor.id)), ("state", .string(executor.state.rawValue)),
    ]
    switch executor {
    case .live(let worker):
      values += [
        ("last_seen_at", .time(worker.lastSeenAt)), ("running", .count(worker.running)),
        ("slots", .count(worker.slots)),
        ("host", .string(worker.host)),
      ]
    case .stored(let figures):
      values += [
        ("last_seen_at", .time(figures.lastSeenAt)), ("last_run_id", .optional(figures.lastRunID)),
        ("runs", .integer(figures.runs)), ("crashes", .integer(figures.crashes)),
        ("launch_failures", .integer(figures.launchFailures)), ("decode_errors", .integer(figures.decodeErrors)),
      ]
    }
    return .record(values)
  }

  /// Of stored ones it is not known which run now: those runs have no metrics yet.
  static func executorTotals(_ executors: [ExecutorView], isLive: Bool) -> Output {
    func count(_ state: ExecutorStateFlag) -> Int { executors.count { $0.state == state } }
    return .record([
      ("total", .count(executors.count)), ("running", .optional(isLive ? count(.running) : nil)),
      ("idle", .count(count(.idle))), ("failed", .count(count(.failed))),
    ])
  }

  static func proxyFigures(_ pool: ProxyFigures) -> Output {
    .record([
      ("pool", .string(pool.pool)), ("requests", .integer(pool.requests)), ("failures", .optional(pool.failures)),
      ("rotations", .integer(pool.rotations)), ("last_used_at", .time(pool.lastUsedAt)),
    ])
  }

  /// A store counts choices, and not what became of them.
  static func proxyFigures(_ pool: String, _ state: ProxyPoolState) -> Output {
    .record([
      ("pool", .string(pool)), ("requests", .integer(state.choices)), ("failures", .null),
      ("rotations", .integer(state.rotations)), ("last_used_at", .time(state.lastUsedAt)),
    ])
  }

  static func metrics(_ totals: MetricsTotals) -> Output {
    .record([Field(name: "runs", value: .value(.count(totals.runs)))] + MetricsFields.inOrder(totals.members))
  }

  static func metrics(_ record: JSONValue) -> Output {
    var totals = MetricsTotals()
    totals.add(record)
    return .record(MetricsFields.inOrder(totals.members))
  }
}

/// The names of a metrics record in the order of the contract.
enum MetricsFields {
  private static let always = [
    "ts", "run_id", "job_id", "source", "category", "day", "policy", "executor", "storage_backend",
    "runs_started_total",
    "runs_completed_total", "runs_failed_total", "runs_crashed_total", "events_received_total",
    "events_persisted_total",
    "events_dropped_total", "dropped_by_type", "executor_launch_success_total", "executor_launch_failure_total",
    "executor_crash_total", "ipc_decode_errors_total", "lode_write_success_total", "lode_write_failure_total",
    "lode_write_retry_total", "flush_triggers",
  ]

  /// What the contract names and no record has is null; what records have beside it follows.
  static func inOrder(_ members: [String: JSONValue]) -> [Output.Field] {
    let others = members.keys.filter { !always.contains($0) }.sorted()
    return (always + others).map { Output.Field(name: $0, value: members[$0].map(Output.tree) ?? .value(.null)) }
  }
}

import QuarryCore
import QuarryFleet

/// A crawl's end, as data.
extension Output {
  static func crawlSummary(_ summary: CoordinatorSummary) -> Output {
    let status = summary.status
    let rate = summary.perSecond.map { ($0 * 100).rounded() / 100 }
    let isCancelled = status.hold == .cancel && status.isFinished
    let state =
      summary.isInterrupted ? "running" : isCancelled ? "cancelled" : summary.exitCode == 0 ? "succeeded" : "failed"
    let values: [(String, JSONValue)] = [
      ("job_id", .string(summary.jobID)), ("state", .string(state)), ("root", .string(status.rootState)),
      ("tasks", .count(status.admitted)), ("done", .count(status.done)), ("retried", .count(status.retried)),
      ("dead", .count(status.dead)), ("cancelled", .count(status.cancelled)), ("remaining", .count(status.remaining)),
      ("duplicates", .count(status.duplicates)), ("cut_by_depth", .count(status.cutByDepth)),
      ("cut_by_max_runs", .count(status.cutByMaxRuns)), ("cut_by_host_max_pages", .count(status.cutByHostPages)),
      ("enqueue_rejected", .count(status.enqueuesRejected)),
      ("elapsed_ms", .integer(summary.elapsed.milliseconds)),
      ("tasks_per_second", rate.map(JSONValue.double) ?? .null),
    ]
    let fields = values.map { Field(name: $0.0, value: .value($0.1)) }
    return .record(fields + [Field(name: "deaths", value: .list(summary.deaths.map(death)))])
  }

  private static func death(_ group: CoordinatorSummary.DeathGroup) -> Output {
    .record([
      ("count", .count(group.count)), ("kind", .string(group.kind)), ("error", .string(group.error)),
      ("task_id", .string(group.exampleTaskID)), ("target", .string(group.exampleTarget)),
    ])
  }
}

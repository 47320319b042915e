import QuarryCore
import QuarryFleet

/// A live fleet's tasks, workers and jobs, as data.
extension Output {
  static func taskRow(_ task: TaskView) -> Output { .record(taskValues(task)) }

  static func taskRow(_ task: LedgerTask) -> Output {
    .record([
      ("task_id", .string(task.taskID)), ("state", .string(task.state)), ("run_id", .optional(task.runID)),
      ("job_id", .string(task.jobID)), ("target", .string(task.target)), ("depth", .count(task.depth)),
      ("attempt", .optional(task.attempt)), ("last_error", .optional(task.error)),
    ])
  }

  static func task(_ detail: TaskDetail) -> Output {
    let task = detail.task
    var values = taskValues(task)
    values += [
      ("waits_for", .optional(detail.gate?.rawValue)), ("waits_until", .time(detail.gateUntil)),
      ("epoch", .integer(task.epoch)), ("owner", .optional(task.owner)), ("lane", .string(task.lane)),
      ("host", .optional(task.host)), ("source", .optional(task.source)), ("category", .optional(task.category)),
      ("policy", .string(detail.policy)), ("parent_task_id", .optional(task.parentTaskID)),
      ("origin_run_id", .optional(task.originRunID)), ("params", parameters(detail)),
      ("app_failures", .string("\(task.appFailures) of \(detail.attemptBudget)")),
      ("crashes", .string("\(task.crashes) of \(detail.crashBudget)")),
      ("blocks", .string("\(task.blocks) of \(detail.blockBudget)")),
      ("timeout_ms", .optional(task.timeoutMilliseconds)), ("proxy", .optional(task.proxy)),
      ("created_at", .time(task.createdAt)), ("claimed_at", .time(task.claimedAt)),
      ("started_at", .time(task.startedAt)), ("ended_at", .time(task.endedAt)), ("storage", .string(detail.storage)),
    ]
    let refusals = detail.refusals.sorted { $0.key < $1.key }.map { worker, reason in
      Output.record([("worker_id", .string(worker)), ("reason", .string(reason))])
    }
    return .record(
      values.map { Field(name: $0.0, value: .value($0.1)) } + [Field(name: "refused_workers", value: .list(refusals))])
  }

  /// What is no JSON is shown as the text that it is.
  private static func parameters(_ detail: TaskDetail) -> JSONValue {
    // What another program put there is shown as it is.
    (try? JSONParser.parse(detail.params)) ?? .string(detail.params)
  }

  static func workerRow(_ worker: WorkerView) -> Output {
    let values: [(String, JSONValue)] = [
      ("worker_id", .string(worker.workerID)), ("state", .string(worker.isUp ? "up" : "lost")),
      ("running", .count(worker.running)), ("slots", .count(worker.slots)), ("host", .string(worker.host)),
      ("pid", .count(worker.pid)), ("version", .string(worker.version)), ("storage", .string(worker.storage)),
      ("started_at", .time(worker.startedAt)), ("last_seen_at", .time(worker.lastSeenAt)),
    ]
    let refusals = worker.refusals.sorted { $0.key < $1.key }.map { job, reason in
      Output.record([("job_id", .string(job)), ("reason", .string(reason))])
    }
    return .record(
      values.map { Field(name: $0.0, value: .value($0.1)) } + [Field(name: "refused_jobs", value: .list(refusals))])
  }

  static func jobRow(_ job: JobView) -> Output {
    let status = job.status
    return .record([
      ("job_id", .string(job.jobID)), ("state", .string(state(of: job))), ("tasks", .count(status.admitted)),
      ("done", .count(status.done)), ("running", .count(status.leased)),
      ("queued", .count(status.ready + status.scheduled + status.outbox)), ("dead", .count(status.dead)),
      ("retried", .count(status.retried)), ("items", .count(job.items)), ("created_at", .time(job.createdAt)),
      ("finished_at", .time(job.finishedAt)),
    ])
  }

  /// A finished job succeeded when its root did.
  private static func state(of job: JobView) -> String {
    guard job.status.isFinished else { return "running" }
    return job.status.rootState == "done" ? "succeeded" : "failed"
  }

  private static func taskValues(_ task: TaskView) -> [(String, JSONValue)] {
    [
      ("task_id", .string(task.taskID)), ("state", .string(task.state.rawValue)), ("run_id", .optional(task.runID)),
      ("job_id", .string(task.jobID)), ("target", .string(task.target)), ("depth", .count(task.depth)),
      ("attempt", .count(task.attempt)), ("due_at", .time(task.dueAt)),
      ("last_error", .optional(task.error.map { error in task.failure.map { "\($0): \(error)" } ?? error })),
    ]
  }
}

extension JSONValue {
  /// RFC 3339 in milliseconds; null for what is absent.
  static func time(_ time: Timestamp?) -> JSONValue { time.map { .string($0.text()) } ?? .null }
}

import QuarryCore
import QuarryFleet
import QuarryLode

/// A live fleet's tasks, workers and jobs, as data.
extension Output {
  static func taskRow(_ task: TaskView) -> Output { .record(taskValues(task)) }

  static func taskRow(_ task: EndedTask) -> Output {
    .record([
      ("task_id", .string(task.taskID)), ("state", .string(task.state.rawValue)), ("run_id", .optional(task.runID)),
      ("job_id", .string(task.jobID)), ("target", .optional(task.target)), ("depth", .optional(task.depth)),
      ("attempt", .optional(task.attempt)), ("ended_at", .time(task.endedAt)), ("last_error", .optional(task.error)),
    ])
  }

  /// The last run of a task: one that goes on, that was accepted, or that came to nothing.
  static func runRow(_ task: TaskView) -> Output {
    let state: RunState =
      switch task.state {
      case .leased: .running
      case .done: .succeeded
      case .ready, .scheduled, .dead, .cancelled: .failed
      }
    return .record([
      ("run_id", .optional(task.runID)), ("state", .string(state.rawValue)), ("started_at", .time(task.startedAt)),
      ("ended_at", .time(task.endedAt)), ("source", .optional(task.source)), ("category", .optional(task.category)),
      ("job_id", .string(task.jobID)), ("task_id", .string(task.taskID)),
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
      ("timeout_ms", .optional(task.timeoutMilliseconds)), ("cancelled_at", .time(task.cancelledAt)),
      ("proxy", .optional(task.proxy)),
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

  static func workerRow(_ worker: WorkerView) -> Output { .record(workerFields(worker)) }

  static func worker(_ detail: FleetQueue.WorkerDetail) -> Output {
    .record(
      workerFields(detail.worker) + [Field(name: "tasks", value: .list(detail.tasks.map(heldTask)))])
  }

  private static func heldTask(_ task: TaskView) -> Output {
    .record([
      ("task_id", .string(task.taskID)), ("run_id", .optional(task.runID)), ("job_id", .string(task.jobID)),
      ("target", .string(task.target)), ("claimed_at", .time(task.claimedAt)), ("started_at", .time(task.startedAt)),
    ])
  }

  private static func workerFields(_ worker: WorkerView) -> [Field] {
    let values: [(String, JSONValue)] = [
      ("worker_id", .string(worker.workerID)),
      ("state", .string(worker.isUp ? "up" : "lost")),
      ("running", .count(worker.running)), ("slots", .count(worker.slots)), ("host", .string(worker.host)),
      ("pid", .count(worker.pid)), ("version", .string(worker.version)), ("storage", .string(worker.storage)),
      ("started_at", .time(worker.startedAt)), ("last_seen_at", .time(worker.lastSeenAt)),
      ("hold", .optional(worker.hold?.rawValue)), ("health", .optional(worker.health)),
    ]
    let refusals = worker.refusals.sorted { $0.key < $1.key }.map { job, reason in
      Output.record([("job_id", .string(job)), ("reason", .string(reason))])
    }
    return values.map { Field(name: $0.0, value: .value($0.1)) }
      + [Field(name: "refused_jobs", value: .list(refusals))]
  }

  static func jobRow(_ job: JobView) -> Output { .record(jobValues(job)) }

  /// - Parameter runIDs: the last run of each of its tasks that the fleet still has.
  static func job(_ job: JobView, runIDs: [String]) -> Output {
    let more: [(String, JSONValue)] = [
      ("cancelled", .count(job.status.cancelled)), ("duplicates", .count(job.status.duplicates)),
      ("cut_by_depth", .count(job.status.cutByDepth)), ("cut_by_max_runs", .count(job.status.cutByMaxRuns)),
      ("cut_by_host_max_pages", .count(job.status.cutByHostPages)),
      ("depth", .count(job.depth)), ("max_runs", .optional(job.maxRuns)), ("policy", .string(job.policy)),
      ("host_concurrency", .optional(job.politeness.hostConcurrency)),
      ("host_delay_ms", .optional(job.politeness.hostDelay.map { Int($0.milliseconds) })),
      ("host_max_pages", .optional(job.politeness.hostMaxPages)),
      ("auto_throttle", .bool(job.politeness.autoThrottle)),
      ("job_concurrency", .optional(job.politeness.jobConcurrency)),
      ("hold", .optional(job.status.hold?.rawValue)), ("requeued", .count(job.status.requeued)),
      ("discarded", .count(job.status.discarded)), ("root_task_id", .string(job.rootTaskID)),
      ("workers", .count(job.status.eligibleWorkers)),
    ]
    let fields = (jobValues(job) + more).map { Field(name: $0.0, value: .value($0.1)) }
    return .record(fields + [Field(name: "run_ids", value: .list(runIDs.map { .value(.string($0)) }))])
  }

  private static func jobValues(_ job: JobView) -> [(String, JSONValue)] {
    let status = job.status
    return [
      ("job_id", .string(job.jobID)), ("state", .string(job.runState.rawValue)), ("tasks", .count(status.admitted)),
      ("done", .count(status.done)), ("running", .count(status.leased)),
      ("queued", .count(status.ready + status.scheduled + status.outbox)), ("dead", .count(status.dead)),
      ("retried", .count(status.retried)), ("items", .count(job.items)), ("created_at", .time(job.createdAt)),
      ("finished_at", .time(job.finishedAt)),
    ]
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

extension JobView {
  /// A finished job succeeded when its root did and nobody cancelled the rest; one whose own key Redis lacks is lost.
  var runState: RunState {
    if state == "missing" { return .lost }
    guard status.isFinished else { return .running }
    return status.rootState == "done" && status.hold != .cancel ? .succeeded : .failed
  }
}

extension JSONValue {
  /// RFC 3339 in milliseconds; null for what is absent.
  static func time(_ time: Timestamp?) -> JSONValue { time.map { .string($0.text()) } ?? .null }
}

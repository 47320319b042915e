import QuarryCore
import RedisClient

/// A task as lists show it. Times are wall-clock times of Redis.
package struct TaskView: Sendable, Equatable {
  package var taskID: String
  package var jobID: String
  package var state: TaskState
  package var target: String
  package var depth: Int
  package var lane: String
  package var host: String?
  /// Claims that started an executor.
  package var attempt: Int
  package var epoch: Int64
  package var runID: String?
  package var owner: String?
  package var parentTaskID: String?
  package var originRunID: String?
  package var source: String?
  package var category: String?
  /// Failures charged to each budget so far.
  package var appFailures: Int
  package var crashes: Int
  package var blocks: Int
  /// Kind and reason of the last failure.
  package var failure: String?
  package var error: String?
  package var timeoutMilliseconds: Int?
  /// Of its last run, without a password.
  package var proxy: String?
  package var createdAt: Timestamp?
  package var claimedAt: Timestamp?
  package var startedAt: Timestamp?
  package var endedAt: Timestamp?
  /// When a scheduled task becomes ready.
  package var dueAt: Timestamp?
  /// When it was cancelled: its executor is being stopped, or it ended so.
  package var cancelledAt: Timestamp?

  init?(_ reply: RedisReply) {
    guard let fields = Fields(reply), let task = fields.text("task_id"), let job = fields.text("job"),
      let state = fields.text("state").flatMap(TaskState.init(rawValue:))
    else { return nil }
    taskID = task
    jobID = job
    self.state = state
    target = fields.text("target") ?? ""
    depth = fields.int("depth")
    lane = fields.text("lane") ?? Lane.default.rawValue
    host = fields.text("host")
    attempt = fields.int("attempt")
    epoch = Int64(fields.int("epoch"))
    runID = fields.text("run")
    owner = fields.text("owner")
    parentTaskID = fields.text("parent")
    originRunID = fields.text("origin")
    source = fields.text("source")
    category = fields.text("category")
    appFailures = fields.int("app")
    crashes = fields.int("crash")
    blocks = fields.int("blocked")
    failure = fields.text("failure")
    error = fields.text("error")
    timeoutMilliseconds = fields.text("timeout_ms").flatMap { Int($0) }
    proxy = fields.text("proxy")
    createdAt = fields.time("created_at")
    claimedAt = fields.time("claimed_at")
    startedAt = fields.time("started_at")
    endedAt = fields.time("ended_at")
    dueAt = fields.time("due_at")
    cancelledAt = fields.time("cancel_at")
  }
}

extension TaskView {
  /// Where its run is stored: what it does not name itself it has from its job.
  package func placed(by job: JobView?) -> TaskView {
    var task = self
    task.source = source ?? job?.source
    task.category = category ?? job?.category
    return task
  }
}

/// A task with everything, and why it waits.
package struct TaskDetail: Sendable, Equatable {
  package enum Gate: String, Sendable {
    /// Its time has not come.
    case due
    /// A worker has it.
    case lease
    /// It was cancelled; its executor is being stopped.
    case cancelled
    /// It runs again as soon as the ledger has it.
    case requeued
    /// The host's starts are spaced, and the last one was too short a time ago.
    case hostDelay = "host_delay"
    /// A task of the host, whose starts are spaced, was claimed and has not begun.
    case hostStarting = "host_starting"
    /// As many tasks as the host may have are running on it.
    case hostSlots = "host_slots"
    /// The host refused and rests, asked to be left alone, or is tried by one task at a time after it refused.
    case hostBackoff = "host_backoff"
    /// As many tasks of the job as may are running.
    case jobSlots = "job_slots"
    /// The job's own key is missing, and so is how its tasks are to run: it has to be brought back from its ledger.
    case noJob = "no_job"
    /// The fleet hands out nothing, or nothing of the job.
    case paused
    /// No live worker may run it: each writes to other storage than the job's, or refuses the job.
    case noWorker = "no_worker"
    /// Others are before it.
    case turn
  }
  package var task: TaskView
  /// A JSON object, as text.
  package var params: String
  /// nil for final tasks.
  package var gate: Gate?
  /// nil when time alone does not open the gate.
  package var gateUntil: Timestamp?
  package var policy: String
  package var storage: String
  package var attemptBudget: Int
  package var crashBudget: Int
  package var blockBudget: Int
  /// Workers that must not be given the job's tasks, and why.
  package var refusals: [String: String]
}

/// A job as lists show it.
package struct JobView: Sendable, Equatable {
  package var jobID: String
  /// `open` or `finished`; in a list also `missing`: the job is listed and its own key is gone.
  package var state: String
  package var rootTaskID: String
  package var createdAt: Timestamp?
  package var finishedAt: Timestamp?
  package var status: JobStatus
  /// Sums over accepted runs.
  package var items: Int
  package var events: Int
  package var depth: Int
  package var maxRuns: Int?
  package var timeoutMilliseconds: Int?
  package var politeness: Politeness
  package var source: String
  package var category: String
  package var policy: String
  package var storage: String
  /// It is being rebuilt, or was and is not whole: nothing of it is handed out.
  package var isRestoring: Bool

  init?(_ reply: RedisReply) {
    guard let fields = Fields(reply), let id = fields.text("job_id"), let state = fields.text("state") else {
      return nil
    }
    jobID = id
    self.state = state
    rootTaskID = fields.text("root") ?? ""
    createdAt = fields.time("created_at")
    finishedAt = fields.time("finished_at")
    items = fields.int("items")
    events = fields.int("events")
    depth = fields.int("depth")
    isRestoring = fields.text("restoring") != nil
    maxRuns = fields.int("max_runs") == 0 ? nil : fields.int("max_runs")
    timeoutMilliseconds = fields.text("timeout_ms").flatMap { Int($0) }
    politeness = Politeness(fields)
    source = fields.text("source") ?? ""
    category = fields.text("category") ?? ""
    policy = fields.text("policy") ?? ""
    storage = fields.text("storage") ?? ""
    status = JobStatus()
    status.admitted = fields.int("admitted")
    status.done = fields.int("done")
    status.dead = fields.int("dead")
    status.cancelled = fields.int("cancelled")
    status.retried = fields.int("retried")
    status.ready = fields.int("ready")
    status.scheduled = fields.int("scheduled")
    status.leased = fields.int("leased")
    status.outbox = fields.int("outbox")
    status.unsettled = fields.int("unsettled")
    status.unpublished = fields.int("unsent")
    status.duplicates = fields.int("duplicates")
    status.cutByDepth = fields.int("cut_depth")
    status.cutByMaxRuns = fields.int("cut_runs")
    status.cutByHostPages = fields.int("cut_pages")
    status.enqueuesRejected = fields.int("rejected")
    status.nextDue = fields.time("next_due")
    status.rootState = fields.text("root_state") ?? ""
    status.isFinished = state == "finished"
    status.hold = fields.text("hold").flatMap(JobHold.init(rawValue:))
    status.isFleetPaused = fields.int("fleet_paused") == 1
    status.requeued = fields.int("requeued")
    status.discarded = fields.int("discarded")
    status.workers = fields.int("workers")
    status.eligibleWorkers = fields.int("eligible_workers")
  }
}

/// A worker as lists show it.
package struct WorkerView: Sendable, Equatable {
  package var workerID: String
  package var host: String
  package var pid: Int
  package var version: String
  package var slots: Int
  /// Tasks that it holds.
  package var running: Int
  package var storage: String
  package var startedAt: Timestamp?
  package var lastSeenAt: Timestamp?
  /// Seen within a lease: what it holds is not taken from it yet.
  package var isUp: Bool
  /// What somebody told it: it is handed nothing.
  package var hold: WorkerHold?
  /// Why it claims nothing, when it is not well.
  package var health: String?
  /// Open jobs that it is given no task of, and why.
  package var refusals: [String: String]

  init?(_ reply: RedisReply, now: Int64, lease: Int64) {
    guard let fields = Fields(reply), let id = fields.text("worker_id") else { return nil }
    workerID = id
    host = fields.text("host") ?? ""
    pid = fields.int("pid")
    version = fields.text("version") ?? ""
    slots = fields.int("slots")
    running = fields.int("running")
    storage = fields.text("storage") ?? ""
    startedAt = fields.time("started_at")
    lastSeenAt = fields.time("seen_at")
    hold = fields.text("hold").flatMap(WorkerHold.init(rawValue:))
    isUp = Int64(fields.int("seen_at")) + lease >= now
    health = fields.text("health")
    refusals = fields.texts("refusals")
  }
}

/// The fleet as a whole.
package struct FleetView: Sendable, Equatable {
  package var timing: LeaseTiming
  package var isPaused: Bool
  package var leader: String?
  /// Why the leader cannot do all that it is for; nil when it can.
  package var leaderHealth: String?
  package var term: Int64
  package var outbox: Int
  package var unsettled: Int
  package var unsentNotifications: Int
  package var waitingSubmissions: Int
  package var rejectedSubmissions: Int
}

/// Flat pairs of a reply.
struct Fields {
  private let fields: [String: RedisReply]

  init?(_ reply: RedisReply) {
    guard let fields = reply.fields else { return nil }
    self.fields = fields
  }

  func text(_ name: String) -> String? { Replies.optional(fields[name]?.text) }
  func texts(_ name: String) -> [String: String] { fields[name]?.fields?.compactMapValues(\.text) ?? [:] }
  func int(_ name: String) -> Int { Int(fields[name]?.int ?? 0) }
  func time(_ name: String) -> Timestamp? { fields[name]?.int.map { Timestamp(milliseconds: $0) } }
}

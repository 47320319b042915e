import QuarryCore
import QuarryFleet

/// A fleet at one moment.
struct TopSnapshot: Sendable {
  let name: String
  let fleet: FleetView
  let queue: QueueView
  /// The newest ones.
  let jobs: [JobView]
  /// Those seen last.
  let workers: [WorkerView]
  /// Ends of tasks.
  var perSecond: Double?

  var ended: Int { sum { $0.done + $0.dead + $0.cancelled } }
  var hasOpenJobs: Bool { jobs.contains { !$0.status.isFinished } }

  /// For what is known to remain; nil while nothing ends, and when nothing remains.
  var timeLeft: Duration? {
    let left = sum { $0.isFinished ? 0 : $0.remaining }
    guard let perSecond, perSecond > 0, left > 0 else { return nil }
    return .seconds(Double(left) / perSecond)
  }

  func sum(_ count: (JobStatus) -> Int) -> Int { jobs.reduce(0) { $0 + count($1.status) } }
}

extension Output {
  /// What `quarry top` shows.
  static func top(_ top: TopSnapshot) -> Output {
    let values: [(String, JSONValue)] = [
      ("fleet", .string(top.name)), ("at", .time(top.queue.at)),
      ("state", .string(top.fleet.isPaused ? "paused" : "active")), ("leader", .optional(top.fleet.leader)),
      ("leader_health", .optional(top.fleet.leaderHealth)),
      ("per_second", top.perSecond.map { .double(($0 * 100).rounded() / 100) } ?? .null),
      ("time_left_ms", .optional(top.timeLeft?.milliseconds)),
    ]
    return .record(
      values.map { Field(name: $0.0, value: .value($0.1)) } + [
        Field(name: "slots", value: slots(top.workers)), Field(name: "tasks", value: tasks(top)),
        Field(name: "lanes", value: .list(top.queue.lanes.map(lane))),
        Field(name: "has_more_hosts", value: .value(.bool(top.queue.hasMoreHosts))),
        Field(name: "workers", value: .list(top.workers.map { worker($0, top.queue.at) })),
        Field(name: "hosts", value: .list(top.queue.hosts.map { host($0, top.queue.at) })),
        Field(name: "leases", value: .list(top.queue.leases.map { lease($0, top.queue.at) })),
        Field(name: "jobs", value: .list(top.jobs.map(job))),
      ])
  }

  private static func slots(_ workers: [WorkerView]) -> Output {
    let up = workers.filter(\.isUp)
    return .record([
      ("up", .count(up.count)), ("lost", .count(workers.count - up.count)),
      ("running", .count(up.reduce(0) { $0 + $1.running })), ("slots", .count(up.reduce(0) { $0 + $1.slots })),
    ])
  }

  private static func tasks(_ top: TopSnapshot) -> Output {
    .record([
      ("done", .count(top.sum(\.done))), ("running", .count(top.queue.leaseCount)),
      ("ready", .count(top.sum(\.ready))), ("scheduled", .count(top.sum(\.scheduled))),
      ("outbox", .count(top.fleet.outbox)), ("dead", .count(top.sum(\.dead))),
      ("retried", .count(top.sum(\.retried))), ("cancelled", .count(top.sum(\.cancelled))),
      ("unsettled", .count(top.fleet.unsettled)),
    ])
  }

  private static func lane(_ lane: QueueView.LaneView) -> Output {
    .record([
      ("lane", .string(lane.lane)), ("ready", .count(lane.ready)), ("open_hosts", .count(lane.openHosts)),
      ("waiting_hosts", .count(lane.waitingHosts)),
    ])
  }

  private static func worker(_ worker: WorkerView, _ now: Timestamp) -> Output {
    .record([
      ("worker_id", .string(worker.workerID)), ("state", .string(worker.isUp ? "up" : "lost")),
      ("running", .count(worker.running)), ("slots", .count(worker.slots)), ("machine", .string(worker.host)),
      ("pid", .count(worker.pid)), ("seen_ms", .since(worker.lastSeenAt, now)),
      ("up_ms", .since(worker.startedAt, now)), ("hold", .optional(worker.hold?.rawValue)),
      ("health", .optional(worker.health)), ("refused_jobs", .count(worker.refusals.count)),
      ("version", .string(worker.version)),
    ])
  }

  private static func host(_ host: QueueView.HostView, _ now: Timestamp) -> Output {
    .record([
      ("host", host.host.isEmpty ? .null : .string(host.host)), ("ready", .count(host.ready.reduce(0, +))),
      ("running", .count(host.running)), ("waits_for", .optional(host.gate?.rawValue)),
      ("opens_ms", .until(host.opensAt, now)), ("high", .count(host.ready[0])), ("default", .count(host.ready[1])),
      ("low", .count(host.ready[2])), ("waits_until", .time(host.opensAt)),
    ])
  }

  private static func lease(_ lease: QueueView.LeaseView, _ now: Timestamp) -> Output {
    .record([
      ("task_id", .string(lease.taskID)), ("age_ms", .since(lease.claimedAt, now)),
      ("left_ms", .until(lease.endsAt, now)), ("host", lease.host.isEmpty ? .null : .string(lease.host)),
      ("worker_id", .string(lease.workerID)), ("job_id", .string(lease.jobID)), ("run_id", .string(lease.runID)),
    ])
  }

  private static func job(_ job: JobView) -> Output {
    let status = job.status
    return .record([
      ("job_id", .string(job.jobID)), ("state", .string(job.runState.rawValue)),
      ("hold", .optional(status.hold?.rawValue)), ("tasks", .count(status.admitted)), ("done", .count(status.done)),
      ("running", .count(status.leased)), ("ready", .count(status.ready)), ("scheduled", .count(status.scheduled)),
      ("dead", .count(status.dead)), ("retried", .count(status.retried)), ("workers", .count(status.eligibleWorkers)),
      ("items", .count(job.items)), ("created_at", .time(job.createdAt)),
    ])
  }
}

extension JSONValue {
  /// Milliseconds, not less than none.
  fileprivate static func since(_ time: Timestamp?, _ now: Timestamp) -> JSONValue {
    .optional(time.map { max(0, (now.nanoseconds - $0.nanoseconds) / 1_000_000) })
  }

  fileprivate static func until(_ time: Timestamp?, _ now: Timestamp) -> JSONValue {
    .optional(time.map { max(0, ($0.nanoseconds - now.nanoseconds) / 1_000_000) })
  }
}

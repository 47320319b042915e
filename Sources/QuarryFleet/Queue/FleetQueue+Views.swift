import QuarryCore
import RedisClient

// Reading commands: nothing is changed, and the cost does not grow with what is queued.

extension FleetQueue {
  /// One page of something.
  package struct TaskPage: Sendable, Equatable {
    package var tasks: [TaskView]
    /// Where the next page begins; nil when this was the last.
    package var next: Int?
  }

  /// A page of a job's tasks in one state, by the time they came into it.
  /// - Parameters:
  ///   - host: only tasks of this host; a page may then have fewer than `limit` although others follow.
  ///   - limit: 500 at most.
  package func tasks(
    jobID: String, state: TaskState, host: String? = nil, newestFirst: Bool = false, offset: Int = 0, limit: Int = 100
  ) async throws(QuarryError) -> TaskPage {
    let reply = try await call(
      .viewTasks,
      [
        .text(jobID), .text(state.rawValue), .integer(Int64(offset)), .integer(Int64(limit)), .text(host ?? ""),
        newestFirst ? 1 : 0,
      ])
    guard let next = reply[0]?.int, let views = reply[1]?.elements else {
      throw Self.unexpected(reply, from: "view_tasks")
    }
    return TaskPage(tasks: views.compactMap(TaskView.init), next: next < 0 ? nil : Int(next))
  }

  /// Tasks of any job and state, or of the given ones: jobs newest first, within a job leased, ready, scheduled, dead,
  /// cancelled, done.
  package func listTasks(
    jobID: String? = nil, state: TaskState? = nil, host: String? = nil, limit: Int
  ) async throws(QuarryError) -> [TaskView] {
    let states = state.map { [$0] } ?? [.leased, .ready, .scheduled, .dead, .cancelled, .done]
    let jobs = if let jobID { [jobID] } else { try await jobs(limit: 100).map(\.jobID) }
    var found: [TaskView] = []
    for job in jobs {
      for state in states {
        var offset: Int? = 0
        while let from = offset, found.count < limit {
          let size = host == nil ? min(500, limit - found.count) : 500
          let page = try await tasks(
            jobID: job, state: state, host: host, newestFirst: state == .done, offset: from, limit: size)
          found += page.tasks.prefix(limit - found.count)
          offset = page.next
        }
      }
    }
    return found
  }

  /// - Returns: nil when Redis does not have the task (any more).
  package func task(_ id: String) async throws(QuarryError) -> TaskDetail? {
    let reply = try await call(.viewTask, [.text(id)])
    guard let elements = reply.elements, !elements.isEmpty else { return nil }
    guard let view = reply[0].flatMap(TaskView.init), let until = reply[3]?.int,
      let budgets = reply[4].flatMap(Fields.init),
      let refusals = reply[5]?.fields
    else { throw Self.unexpected(reply, from: "view_task") }
    return TaskDetail(
      task: view, params: reply[1]?.text ?? "{}", gate: reply[2]?.text.flatMap(TaskDetail.Gate.init(rawValue:)),
      gateUntil: until < 0 ? nil : Timestamp(milliseconds: until), policy: budgets.text("policy") ?? "",
      storage: budgets.text("storage") ?? "", attemptBudget: budgets.int("app_max"),
      crashBudget: budgets.int("crash_max"),
      blockBudget: budgets.int("blocked_max"), refusals: refusals.compactMapValues(\.text))
  }

  /// - Returns: nil when Redis does not have the job (any more).
  package func job(_ id: String) async throws(QuarryError) -> JobView? {
    JobView(try await call(.viewJob, [.text(id)]))
  }

  /// Jobs, newest first.
  package func jobs(limit: Int) async throws(QuarryError) -> [JobView] {
    var found: [JobView] = []
    var offset: Int64? = 0
    while let from = offset, found.count < limit {
      let reply = try await call(.viewJobs, [.integer(from), .integer(Int64(limit - found.count))])
      guard let next = reply[0]?.int, let views = reply[1]?.elements else {
        throw Self.unexpected(reply, from: "view_jobs")
      }
      found += views.compactMap(JobView.init)
      offset = next < 0 ? nil : next
    }
    return found
  }

  /// Workers, last seen first; each once, although the order moves from page to page.
  package func workers(limit: Int = 500) async throws(QuarryError) -> [WorkerView] {
    let lease = try await fleetView().timing.lease.milliseconds
    var found: [WorkerView] = []
    var known: Set<String> = []
    var offset: Int64? = 0
    while let from = offset, found.count < limit {
      let reply = try await call(.viewWorkers, [.integer(from), .integer(Int64(limit - found.count))])
      guard let next = reply[0]?.int, let now = reply[1]?.int, let views = reply[2]?.elements else {
        throw Self.unexpected(reply, from: "view_workers")
      }
      found += views.compactMap { WorkerView($0, now: now, lease: lease) }.filter { known.insert($0.workerID).inserted }
      offset = next < 0 ? nil : next
    }
    return found
  }

  /// A worker and what it holds.
  package struct WorkerDetail: Sendable, Equatable {
    package var worker: WorkerView
    /// 500 at most.
    package var tasks: [TaskView]
  }

  /// - Returns: nil when Redis does not know the worker (any more).
  package func worker(_ id: String) async throws(QuarryError) -> WorkerDetail? {
    let lease = try await fleetView().timing.lease.milliseconds
    let reply = try await call(.viewWorker, [.text(id)])
    guard let elements = reply.elements, !elements.isEmpty else { return nil }
    guard let now = reply[0]?.int, let view = reply[1], let worker = WorkerView(view, now: now, lease: lease),
      let tasks = reply[2]?.elements
    else { throw Self.unexpected(reply, from: "view_worker") }
    return WorkerDetail(worker: worker, tasks: tasks.compactMap(TaskView.init))
  }

  package func fleetView() async throws(QuarryError) -> FleetView {
    let reply = try await call(.viewFleet)
    let numbers = reply.elements?.map { $0.int ?? 0 } ?? []
    guard numbers.count == 12 else { throw Self.unexpected(reply, from: "view_fleet") }
    return FleetView(
      timing: Replies.timing(numbers[0], numbers[1]), isPaused: numbers[2] == 1,
      leader: Replies.optional(reply[3]?.text), leaderHealth: Replies.optional(reply[11]?.text), term: numbers[4],
      outbox: Int(numbers[6]), unsettled: Int(numbers[7]), unsentNotifications: Int(numbers[8]),
      waitingSubmissions: Int(numbers[9]), rejectedSubmissions: Int(numbers[10]))
  }
}

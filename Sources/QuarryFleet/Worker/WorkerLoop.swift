import QuarryCore

/// Feeds the worker's state with events and performs what it answers, each action as a child of one task group.
struct WorkerLoop: Sendable {
  var state: WorkerState
  let transitions: WorkerTransitions
  let reports: RunReports
  let supervisor: RunSupervisor
  let leases: LeaseKeeper
  let settler: Settler
  let clock: FleetClock
  let report: @Sendable (WorkerEvent) -> Void
  let notice: @Sendable (WorkerNotice) -> Void
  let figures: WorkerFigures
  private var controls: [String: Reins] = [:]

  /// Both ends of a run that may have to stop: its executor, and a script that waits for room in the outbox.
  private struct Reins {
    let control: RunControl
    let derived: DerivedWorkBuffer

    func stop(_ reason: RunControl.StopReason) {
      control.stop(reason)
      derived.close(QuarryError(.fleet, "the run is stopped (\(reason.rawValue))"))
    }
  }

  init(
    state: WorkerState, transitions: WorkerTransitions, reports: RunReports, supervisor: RunSupervisor,
    leases: LeaseKeeper, settler: Settler, clock: FleetClock, report: @escaping @Sendable (WorkerEvent) -> Void,
    notice: @escaping @Sendable (WorkerNotice) -> Void, figures: WorkerFigures
  ) {
    self.state = state
    self.transitions = transitions
    self.reports = reports
    self.supervisor = supervisor
    self.leases = leases
    self.settler = settler
    self.clock = clock
    self.report = report
    self.notice = notice
    self.figures = figures
  }

  mutating func run(_ events: AsyncStream<WorkerEvent>, in group: inout DiscardingTaskGroup) async -> WorkerEnd {
    group.addTask { [settler] in await settler.run() }
    group.addTask { [reports] in await reports.run() }
    report(.ready)
    for await event in events {
      let actions = state.handle(event)
      count(actions, after: event)
      for action in actions {
        if case .finish(let end) = action {
          stopAll()
          return end
        }
        perform(action, in: &group)
      }
    }
    // The stream only ends with the surrounding task.
    stopAll()
    return .killed
  }

  private func count(_ actions: [WorkerAction], after event: WorkerEvent) {
    var renewedAt: UInt64?
    if case .renewed(_, _, let sentAt) = event { renewedAt = sentAt }
    let claims = actions.count { if case .run = $0 { true } else { false } }
    figures.note(state, claims: claims, renewedAt: renewedAt)
  }

  private func stopAll() {
    for reins in controls.values { reins.stop(.shutdown) }
  }

  private mutating func perform(_ action: WorkerAction, in group: inout DiscardingTaskGroup) {
    switch action {
    case .run(let task, let deadline): start(task, deadline: deadline, in: &group)
    case .extend(let runID, let deadline): controls[runID]?.control.extend(to: deadline)
    case .stop(let runID, let reason): controls[runID]?.stop(reason)
    case .forget(let runID): controls[runID] = nil
    case .sendStarted(let task): reports.add(startOf: task)
    case .complete(let task, let figures, let emitted, let claimNext):
      reports.add(endOf: task, figures, emitted: emitted, claimsNext: claimNext)
    case .settle(let entry): settler.add([entry])
    case .notice(let text): notice(text)
    case .startPause(let pause): after(pause, .pauseOver, in: &group)
    case .startDrainTimer(let timeout): after(timeout, .drainTimeout, in: &group)
    case .startReleaseTimer(let timeout): after(timeout, .releaseTimeout, in: &group)
    case .renew(let tasks): group.addTask { [leases] in await leases.renew(tasks) }
    case .startHeartbeat(let delay, let timer): after(delay, .heartbeat(timer), in: &group)
    case .startDueTimer(let delay, let timer): after(delay, .due(timer), in: &group)
    case .join: group.addTask { [leases] in await leases.join() }
    case .claim, .awaitWork, .fail, .tellHealth: send(action, in: &group)
    case .finish: break
    }
  }

  private func send(_ action: WorkerAction, in group: inout DiscardingTaskGroup) {
    group.addTask { [transitions] in
      switch action {
      case .claim(let count): await transitions.claim(count)
      case .awaitWork(let longest): await transitions.awaitWork(longest)
      case .fail(let task, let kind, let reason, let hasBegun, let hosts):
        await transitions.fail(task, kind, reason: reason, hasBegun: hasBegun, hosts: hosts)
      case .tellHealth(let health): await transitions.tell(health: health)
      default: break
      }
    }
  }

  private mutating func start(_ task: TaskAssignment, deadline: UInt64, in group: inout DiscardingTaskGroup) {
    let control = RunControl(deadline: deadline) { [report] in report(.executorStarted(runID: task.runID)) }
    let derived = DerivedWorkBuffer()
    controls[task.runID] = Reins(control: control, derived: derived)
    group.addTask { [supervisor] in await supervisor.run(task, derived: derived, control: control) }
  }

  private func after(_ delay: Duration, _ event: WorkerEvent, in group: inout DiscardingTaskGroup) {
    group.addTask { [clock, report] in
      await clock.sleep(delay)
      report(event)
    }
  }
}

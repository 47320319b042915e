import QuarryCore

/// A stateless worker of a fleet: claims tasks for its free slots, runs them, reports, and, while no coordinator
/// leads, does the fleet's shared duties.
package final class FleetWorker: Sendable {
  private let configuration: WorkerConfiguration
  private let queue: FleetQueue
  private let ledger: any Ledger
  private let handler: any TaskHandler
  private let publish: PublishNotifications
  private let notice: @Sendable (WorkerNotice) -> Void
  private let clock: FleetClock
  private let figures: WorkerFigures
  private let events: AsyncStream<WorkerEvent>
  private let inbox: AsyncStream<WorkerEvent>.Continuation

  /// - Parameters:
  ///   - publish: called again until it returns.
  ///   - notice: told what a person should see; called from any thread, must not block.
  ///   - figures: kept up to date while it works.
  package init(
    _ configuration: WorkerConfiguration, queue: FleetQueue, ledger: any Ledger, handler: any TaskHandler,
    clock: FleetClock = .system, publish: @escaping PublishNotifications,
    notice: @escaping @Sendable (WorkerNotice) -> Void = { _ in }, figures: WorkerFigures = WorkerFigures()
  ) {
    self.configuration = configuration
    self.queue = queue
    self.ledger = ledger
    self.handler = handler
    self.publish = publish
    self.notice = notice
    self.clock = clock
    self.figures = figures
    (events, inbox) = AsyncStream.makeStream()
  }

  /// Stops claiming and lets runs end, for the drain timeout at most; then the rest is stopped and given back. From
  /// any thread.
  package func drain() { inbox.yield(.drain) }

  /// Stops all runs at once and gives nothing back; leases end by themselves. From any thread.
  package func kill() { inbox.yield(.kill) }

  /// Works until it is drained or killed. Returns when no run is left, or the drain's time and the release's are over.
  /// - Throws: `QuarryError(.fleet)` when Redis is not the one that was joined, `QuarryError(.executor)` when the
  ///   executor is of another version.
  @discardableResult
  package func run() async throws(QuarryError) -> WorkerEnd {
    let timing = try await queue.timing()
    try await queue.join(presence)
    notice(.up(workerID: configuration.workerID, fleet: configuration.fleet, slots: configuration.concurrency))
    let end = await work(timing)
    notice(.down(workerID: configuration.workerID))
    if case .failed(let error) = end { throw error }
    return end
  }

  /// What is still held goes back to the queue with it. A killed worker, or one of a lost fleet, has nothing to say.
  /// - Returns: how it ended after all: who cannot say so has not drained.
  private func signOff(after end: WorkerEnd) async -> WorkerEnd {
    if end == .killed { return end }
    if case .failed(let error) = end, error.kind == .fleet { return end }
    do throws(QuarryError) {
      try await queue.leave(workerID: configuration.workerID, within: .seconds(2))
      return end
    } catch {
      notice(.notSignedOff(error.message))
      guard end == .drained else { return end }
      return error.kind == .fleet ? .failed(error) : .abandoned(held: 0, unsettled: 0)
    }
  }

  private var presence: WorkerPresence {
    WorkerPresence(
      workerID: configuration.workerID, host: ProcessName.host, pid: ProcessName.pid, version: Version.current,
      slots: configuration.concurrency, storage: configuration.storage, startedAt: clock.wall())
  }

  private func work(_ timing: LeaseTiming) async -> WorkerEnd {
    let watch = RedisWatch { [notice] trouble in notice(.redis(trouble)) }
    let report: @Sendable (WorkerEvent) -> Void = { [inbox] event in inbox.yield(event) }
    let caller = PatientCaller(clock: clock, watch: watch) { error in report(.generationLost(error)) }
    let settler = Settler(
      queue: queue, ledger: LedgerWriter(ledger: ledger, fleet: configuration.fleet, clock: clock), caller: caller,
      clock: clock, onRefusal: { error in report(error.map { .storageRefused($0.message) } ?? .storageTook) },
      onSettled: { count in report(.settled(count: count)) })
    let leadership = Leadership()
    let scriptGuard = ScriptGuard(
      queue: queue, caller: caller, scripts: configuration.scriptRoot, workerID: configuration.workerID, notice: notice)
    let deadlines = DeadlineWatch(clock: clock, report: report)
    var loop = WorkerLoop(
      state: WorkerState(
        slots: configuration.concurrency, timing: timing, drainTimeout: configuration.drainTimeout,
        releaseTimeout: configuration.releaseTimeout),
      transitions: WorkerTransitions(
        queue: queue, caller: caller, workerID: configuration.workerID, clock: clock, report: report),
      reports: RunReports(
        queue: queue, caller: caller, workerID: configuration.workerID, clock: clock, report: report),
      supervisor: RunSupervisor(
        queue: queue, caller: caller, handler: handler, scripts: configuration.scriptRoot,
        scriptGuard: scriptGuard, deadlines: deadlines, workerID: configuration.workerID, clock: clock, report: report),
      leases: LeaseKeeper(
        queue: queue, presence: presence, caller: caller, leadership: leadership, clock: clock, watch: watch,
        report: report),
      settler: settler, clock: clock, report: report, notice: notice, figures: figures)
    let duties = SharedDuties(
      queue: queue, caller: caller, ledgerSettler: leftoverSettler(caller), leadership: leadership, clock: clock,
      interval: configuration.dutyInterval, patience: timing.lease, publish: publish,
      onPublish: { [notice] change in notice(.publishing(change)) })
    return await withDiscardingTaskGroup { group in
      group.addTask { await duties.run() }
      group.addTask { await deadlines.run() }
      group.addTask { [clock] in await scriptGuard.run(every: timing.heartbeat, clock: clock) }
      if let limit = configuration.memoryLimit {
        let watch = MemoryWatch(limit: limit, clock: clock, report: report)
        group.addTask { await watch.run() }
      }
      let end = await signOff(after: await loop.run(events, in: &group))
      group.cancelAll()
      // Calls are not cancelled with their tasks: the end must not wait for a Redis that does not answer.
      if end.leavesCalls { queue.close() }
      return end
    }
  }

  /// What it cannot record is no reason to pause: the worker's own ends tell whether its storage takes records.
  private func leftoverSettler(_ caller: PatientCaller) -> Settler {
    let watch = OutageWatch { [notice] message in if let message { notice(.leftoversRefused(message)) } }
    return Settler(
      queue: queue, ledger: LedgerWriter(ledger: ledger, fleet: configuration.fleet, clock: clock), caller: caller,
      clock: clock, onRefusal: { watch.note($0) }, onSettled: { _ in watch.answered() })
  }
}

import QuarryCore

/// A one-shot coordinator: submits a job, does the fleet's shared duties while it leads, follows the job to its end.
/// It never executes scripts.
package final class FleetCoordinator: Sendable {
  private let configuration: CoordinatorConfiguration
  private let job: JobRequest
  private let queue: FleetQueue
  private let ledger: LedgerWriter
  private let publish: @Sendable (String) async throws(QuarryError) -> Void
  private let notice: @Sendable (CoordinatorNotice) -> Void
  private let progress: @Sendable (Progress) -> Void
  private let clock: FleetClock
  private let events: AsyncStream<CoordinatorEvent>
  private let inbox: AsyncStream<CoordinatorEvent>.Continuation

  /// - Parameters:
  ///   - publish: sends one `run_completed` JSON; called again until it returns.
  ///   - notice: told what a person should see; from any thread, must not block.
  ///   - progress: at most four times a second, and only when something changed; from any thread, must not block.
  package init(
    _ configuration: CoordinatorConfiguration, job: JobRequest, queue: FleetQueue, ledger: any Ledger,
    clock: FleetClock = .system, publish: @escaping @Sendable (String) async throws(QuarryError) -> Void,
    notice: @escaping @Sendable (CoordinatorNotice) -> Void = { _ in },
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.job = job
    self.queue = queue
    self.ledger = LedgerWriter(ledger: ledger, fleet: configuration.fleet, clock: clock)
    self.publish = publish
    self.notice = notice
    self.progress = progress
    self.clock = clock
    (events, inbox) = AsyncStream.makeStream()
  }

  /// Leaves the job to the workers, which admit and finish it without a coordinator. From any thread.
  package func interrupt() { inbox.yield(.interrupt) }

  /// Submits the job and follows it until it is finished or this process is interrupted.
  /// - Throws: `QuarryError(.usage)` for a request that cannot be run, `QuarryError(.storage)` when the `job` record
  ///   cannot be written, `QuarryError(.fleet)` when Redis is no longer the fleet's.
  package func run() async throws(QuarryError) -> CoordinatorSummary {
    let prepared = try JobSubmitter.prepare(job)
    let jobID = prepared.submission.jobID
    let watch = OutageWatch { [notice] in notice($0.map(CoordinatorNotice.redisUnreachable) ?? .redisBack) }
    let caller = PatientCaller(clock: clock, watch: watch) { [inbox] error in inbox.yield(.generationLost(error)) }
    let submitter = JobSubmitter(queue: queue, ledger: ledger, caller: caller)
    if let answer = try await submitter.submit(prepared) {
      tell(answer, of: jobID)
      inbox.yield(.submitted)
    }
    let end = await follow(jobID, caller: caller)
    switch end {
    case .summary(let summary): return summary
    case .failed(let error): throw error
    }
  }

  private func tell(_ answer: JobSubmitter.Answer, of jobID: String) {
    switch answer {
    case .submitted: notice(.submitted(jobID: jobID, fleet: configuration.fleet))
    case .known(let ignored): notice(.known(jobID: jobID, fleet: configuration.fleet, ignored: ignored))
    }
  }

  private func follow(_ jobID: String, caller: PatientCaller) async -> CoordinatorEnd {
    let leadership = Leadership()
    let follower = JobFollower(queue: queue, caller: caller, jobID: jobID, clock: clock) { [inbox] in inbox.yield($0) }
    let keeper = TermKeeper(
      queue: queue, caller: caller, coordinatorID: configuration.coordinatorID, leadership: leadership, clock: clock,
      notice: notice)
    let duties = duties(leadership, caller)
    let end = await withDiscardingTaskGroup { group in
      group.addTask { await keeper.run() }
      group.addTask { await duties.run() }
      group.addTask { await follower.run() }
      group.addTask { await follower.tick() }
      let end = await decide(jobID, caller: caller, in: &group)
      group.cancelAll()
      return end
    }
    if leadership.current != nil { await releaseTerm() }
    return end
  }

  /// A term that cannot be given back ends by itself; then the next coordinator waits for it.
  private func releaseTerm() async {
    do throws(QuarryError) {
      try await queue.releaseTerm(coordinatorID: configuration.coordinatorID)
    } catch { notice(.termKept(error.message)) }
  }

  private func decide(
    _ jobID: String, caller: PatientCaller, in group: inout DiscardingTaskGroup
  ) async -> CoordinatorEnd {
    var state = CoordinatorState(jobID: jobID, allowedDead: configuration.allowedDead, startedAt: clock.boot())
    for await event in events {
      for action in state.handle(event) {
        switch action {
        case .readStatus: group.addTask { await self.readStatus(jobID, caller) }
        case .readDeaths: group.addTask { await self.readDeaths(jobID, caller) }
        case .report(let progress): self.progress(progress)
        case .notice(let notice): self.notice(notice)
        case .finish(let end): return end
        }
      }
    }
    return .failed(QuarryError(.fleet, "the coordinator was cancelled"))
  }

  private func readStatus(_ jobID: String, _ caller: PatientCaller) async {
    let status = await caller.call { () async throws(QuarryError) in try await self.queue.status(jobID: jobID) }
    if let status { inbox.yield(.status(status, at: clock.boot())) }
  }

  private func readDeaths(_ jobID: String, _ caller: PatientCaller) async {
    let deaths = await caller.call { () async throws(QuarryError) in
      try await self.queue.deaths(jobID: jobID, limit: 10_000)
    }
    if let deaths { inbox.yield(.deaths(deaths)) }
  }

  private func duties(_ leadership: Leadership, _ caller: PatientCaller) -> SharedDuties {
    let watch = OutageWatch { [notice] message in if let message { notice(.ledgerRefused(message)) } }
    let settler = Settler(
      queue: queue, ledger: ledger, caller: caller, clock: clock, onRefusal: { watch.note($0) },
      onSettled: { _ in watch.answered() })
    return SharedDuties(
      queue: queue, caller: caller, ledgerSettler: settler, leadership: leadership, clock: clock,
      interval: configuration.dutyInterval, patience: job.timing.lease, publish: publish,
      onPublish: { [notice] change in notice(.publishing(change)) })
  }
}

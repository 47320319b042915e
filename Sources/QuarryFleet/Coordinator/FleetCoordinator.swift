import QuarryCore

/// A coordinator: submits or resumes a job and follows it to its end, or serves whatever is submitted. While it leads it
/// does the fleet's shared duties. It never executes scripts.
package final class FleetCoordinator: Sendable {
  private let configuration: CoordinatorConfiguration
  private let task: CoordinatorTask
  private let queue: FleetQueue
  private let ledger: LedgerWriter
  private let publish: PublishNotifications
  private let request: (@Sendable (SubmissionLine) throws(QuarryError) -> JobRequest)?
  private let notice: @Sendable (CoordinatorNotice) -> Void
  private let progress: @Sendable (Progress) -> Void
  private let clock: FleetClock
  private let health = CoordinatorHealth()
  private let silence: SilenceWatch
  private let events: AsyncStream<CoordinatorEvent>
  private let inbox: AsyncStream<CoordinatorEvent>.Continuation

  /// - Parameters:
  ///   - publish: called again until it returns.
  ///   - request: what a submitted line asks for; nil: this coordinator takes no submissions.
  ///   - notice: told what a person should see; from any thread, must not block.
  ///   - progress: at most four times a second, and only when something changed; from any thread, must not block.
  package init(
    _ configuration: CoordinatorConfiguration, task: CoordinatorTask, queue: FleetQueue, ledger: any Ledger,
    clock: FleetClock = .system, publish: @escaping PublishNotifications,
    request: (@Sendable (SubmissionLine) throws(QuarryError) -> JobRequest)? = nil,
    notice: @escaping @Sendable (CoordinatorNotice) -> Void = { _ in },
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.task = task
    self.queue = queue
    silence = SilenceWatch(clock: clock) { [health, flags = queue.flags] silence in
      let told = silence.map { CoordinatorNotice.storageAwaited(seconds: $0.seconds, jobID: $0.jobID) }
      if health.set(.storage, told?.text(flags)) { notice(told ?? .storageAwaitedNoMore) }
    }
    self.ledger = LedgerWriter(ledger: ledger, fleet: configuration.fleet, clock: clock, silence: silence)
    self.publish = publish
    self.request = request
    self.notice = notice
    self.progress = progress
    self.clock = clock
    (events, inbox) = AsyncStream.makeStream()
  }

  /// A job that is followed: nothing more of it is admitted, and this process leaves it to the workers. Else only the
  /// latter. From any thread.
  package func interrupt() { inbox.yield(.interrupt) }

  /// What keeps it, as far as it is storage's doing: a question that is not answered yet. From any thread.
  package var awaitedStorage: CoordinatorNotice? {
    silence.current.map { .storageAwaited(seconds: $0.seconds, jobID: $0.jobID) }
  }

  /// Does its task.
  /// - Returns: what came of the job; nil when it has served until it was interrupted.
  /// - Throws: `QuarryError(.usage)` for a request that cannot be run, `QuarryError(.storage)` when the `job` record
  ///   cannot be written, `QuarryError(.fleet)` when Redis is no longer the fleet's.
  package func run() async throws(QuarryError) -> CoordinatorSummary? {
    let watching = Task { [silence] in await silence.run() }
    defer { watching.cancel() }
    let watch = RedisWatch { [self] trouble in
      // One that does not answer cannot be told.
      let refuses = if case .refuses = trouble { true } else { false }
      health.set(.redis, refuses ? RedisTrouble.text(trouble) : nil)
      notice(.redis(trouble))
    }
    let caller = PatientCaller(clock: clock, watch: watch) { [inbox] error in inbox.yield(.generationLost(error)) }
    switch task {
    case .submit(let job): return try await follow(try await submit(job, caller), caller)
    case .resume(let jobID, let storage): return try await follow(try await resume(jobID, in: storage), caller)
    case .rebuild(let jobs, let storage, let retries, let timing):
      let rebuilder = JobRebuilder(
        queue: queue, ledger: ledger, caller: caller, storage: storage, retries: retries, timing: timing)
      return try await rebuild(jobs, rebuilder, caller)
    case .serve:
      try await serve(caller)
      return nil
    }
  }

  private func rebuild(
    _ jobs: [String], _ rebuilder: JobRebuilder, _ caller: PatientCaller
  ) async throws(QuarryError) -> CoordinatorSummary? {
    var open: [String] = []
    for jobID in jobs {
      switch try await rebuilder.rebuild(jobID) {
      case .rebuilt(let done, let dead, let pending)?:
        notice(.rebuilt(jobID: jobID, done: done, dead: dead, pending: pending))
        open.append(jobID)
      case .isThere(let isFinished)?:
        notice(.notRebuilt(jobID: jobID, isFinished ? .hasEndedThere : .goesOn))
        if !isFinished || jobs.count == 1 { open.append(jobID) }
      case .isFinished?: notice(.notRebuilt(jobID: jobID, .hasEnded))
      case nil:
        try await serve(caller)  // Ends at once: why it was not is in the inbox.
        return nil
      }
    }
    guard let only = open.first else { return nil }
    guard open.count == 1 else {
      try await serve(caller)
      return nil
    }
    if jobs.count == 1 { return try await follow(try await resume(only, in: rebuilder.storage), caller) }
    inbox.yield(.submitted)
    return try await follow(only, caller)
  }

  // MARK: a job

  private func submit(_ job: JobRequest, _ caller: PatientCaller) async throws(QuarryError) -> String {
    let prepared = try JobSubmitter.prepare(job)
    let jobID = prepared.submission.jobID
    let submitter = JobSubmitter(queue: queue, ledger: ledger, caller: caller)
    switch try await submitter.submit(prepared) {
    case .submitted?: notice(.submitted(jobID: jobID, fleet: configuration.fleet))
    case .known(let ignored)?: notice(.known(jobID: jobID, fleet: configuration.fleet, ignored: ignored))
    case nil: return jobID  // Why it was not is in the inbox.
    }
    inbox.yield(.submitted)
    return jobID
  }

  private func resume(_ jobID: String, in storage: StorageIdentity) async throws(QuarryError) -> String {
    guard let job = try await queue.job(jobID) else {
      throw QuarryError(
        .usage, "fleet '\(configuration.fleet)' has no job '\(jobID)'",
        remedy:
          "`quarry list jobs\(queue.flags.fleet)` shows those there are; one that Redis has lost comes back with: \(queue.flags.rebuild(jobID))"
      )
    }
    guard job.storage == storage.text else {
      throw QuarryError(
        .usage, "job '\(jobID)' is stored in \(job.storage), and this coordinator writes to \(storage.text)",
        remedy: "name the job's own dataset with --storage-path and --storage-dataset")
    }
    if !job.status.isFinished { _ = try await queue.control(.resume, .job(jobID)).get() }
    notice(.resumed(jobID: jobID, fleet: configuration.fleet))
    inbox.yield(.submitted)
    return jobID
  }

  private func follow(_ jobID: String, _ caller: PatientCaller) async throws(QuarryError) -> CoordinatorSummary {
    let events = EventFollower(queue: queue, caller: caller)
    let follower = JobFollower(events: events, jobID: jobID, clock: clock, notice: notice) { [inbox] in inbox.yield($0)
    }
    let end = await lead(caller) { group in
      group.addTask { await follower.run() }
      group.addTask { await follower.tick() }
      return await self.decide(jobID, caller: caller, in: &group)
    }
    switch end {
    case .summary(let summary): return summary
    case .failed(let error) where error.kind == .fleet:
      throw QuarryError(.fleet, error.message, remedy: queue.flags.afterLoss(of: jobID))
    case .failed(let error): throw error
    }
  }

  // MARK: any job

  private func serve(_ caller: PatientCaller) async throws(QuarryError) {
    notice(.serving(fleet: configuration.fleet))
    let narrator = JobNarrator(events: EventFollower(queue: queue, caller: caller), notice: notice)
    let failure = await lead(caller) { group -> QuarryError? in
      group.addTask { await narrator.run() }
      for await event in self.events {
        if case .generationLost(let error) = event { return error }
        if case .interrupt = event { return nil }
      }
      return nil
    }
    if let failure { throw failure }
  }

  // MARK: the fleet

  /// Does the fleet's duties, whenever this process leads, until the body has ended.
  private func lead<End: Sendable>(
    _ caller: PatientCaller, _ body: (inout DiscardingTaskGroup) async -> End
  ) async -> End {
    let leadership = Leadership()
    let keeper = TermKeeper(
      queue: queue, caller: caller, coordinatorID: configuration.coordinatorID, leadership: leadership,
      health: health, clock: clock, notice: notice)
    let duties = duties(leadership, caller)
    let taker = taker(leadership, caller)
    let end = await withDiscardingTaskGroup { group in
      group.addTask { await keeper.run() }
      group.addTask { await duties.run() }
      if let taker { group.addTask { await taker.run() } }
      let end = await body(&group)
      group.cancelAll()
      return end
    }
    if leadership.current != nil { await releaseTerm() }
    return end
  }

  /// A term that cannot be given back ends by itself; then the next coordinator waits for it.
  private func releaseTerm() async {
    do throws(QuarryError) {
      try await queue.releaseTerm(coordinatorID: configuration.coordinatorID, within: .seconds(2))
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
        case .readHealth: group.addTask { await self.readHealth(jobID, caller) }
        case .holdAdmission: group.addTask { await self.holdAdmission(jobID) }
        case .report(let progress): self.progress(progress)
        case .notice(let notice): self.notice(notice)
        case .finish(let end): return end
        }
      }
    }
    return .failed(QuarryError(.fleet, "the coordinator was cancelled"))
  }

  /// One try: a process that leaves does not wait for a Redis that is away.
  private func holdAdmission(_ jobID: String) async {
    do throws(QuarryError) {
      guard case .done = try await queue.control(.drain, .job(jobID)) else {
        inbox.yield(.admissionHeld(false))
        return
      }
      inbox.yield(.admissionHeld(true))
    } catch {
      notice(.redis(RedisTrouble(error)))
      inbox.yield(.admissionHeld(false))
    }
  }

  private func readStatus(_ jobID: String, _ caller: PatientCaller) async {
    let status = await caller.call { () async throws(QuarryError) in try await self.queue.status(jobID: jobID) }
    if let status { inbox.yield(.status(status, at: clock.boot())) }
  }

  private func readHealth(_ jobID: String, _ caller: PatientCaller) async {
    let workers = await caller.call { () async throws(QuarryError) in try await self.queue.workers(limit: .max) }
    let eligible = (workers ?? []).filter { $0.isUp && $0.refusals[jobID] == nil }
    let reasons = eligible.compactMap { worker in
      worker.health ?? worker.hold.map { "somebody told it to \($0.rawValue)" }
    }
    if let first = reasons.first, reasons.count == eligible.count {
      inbox.yield(.allUnwell(workers: eligible.count, health: first))
    }
  }

  private func readDeaths(_ jobID: String, _ caller: PatientCaller) async {
    let deaths = await caller.call { () async throws(QuarryError) in
      try await self.queue.deaths(jobID: jobID, limit: 10_000)
    }
    if let deaths { inbox.yield(.deaths(deaths)) }
  }

  private func duties(_ leadership: Leadership, _ caller: PatientCaller) -> SharedDuties {
    let watch = OutageWatch { [self] in tell(.ledger, $0.map(CoordinatorNotice.ledgerRefused)) }
    let settler = Settler(
      queue: queue, ledger: ledger, caller: caller, clock: clock, onRefusal: { watch.note($0) },
      onSettled: { _ in watch.answered() })
    return SharedDuties(
      queue: queue, caller: caller, ledgerSettler: settler, leadership: leadership, clock: clock,
      interval: configuration.dutyInterval, patience: configuration.patience, publish: publish,
      onPublish: { [self] change in
        let isFailing = if case .failing = change { true } else { false }
        health.set(.notifications, isFailing ? change.description : nil)
        notice(.publishing(change))
      })
  }

  /// - Parameter ailment: nil when it is over.
  private func tell(_ part: CoordinatorHealth.Part, _ ailment: CoordinatorNotice?) {
    health.set(part, ailment?.text(queue.flags))
    if let ailment { notice(ailment) }
  }

  private func taker(_ leadership: Leadership, _ caller: PatientCaller) -> SubmissionTaker? {
    let watch = OutageWatch { [self] in tell(.submissions, $0.map(CoordinatorNotice.submissionWaits)) }
    return request.map { request in
      SubmissionTaker(
        queue: queue, caller: caller, submitter: JobSubmitter(queue: queue, ledger: ledger, caller: caller),
        leadership: leadership, clock: clock, interval: configuration.dutyInterval, watch: watch, request: request,
        notice: notice)
    }
  }
}

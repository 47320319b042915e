import QuarryCore

/// What happens to a coordinator that follows a job.
package enum CoordinatorEvent: Sendable, Equatable {
  /// The root is admitted; the job goes on without this process from now on.
  case submitted
  /// The job's counters, read at this moment of the boot clock.
  case status(JobStatus, at: UInt64)
  /// The fleet's event stream brought something of this job.
  case changed(at: UInt64)
  /// Comes at the pace of readings.
  case tick(at: UInt64)
  case deaths([Death])
  /// None of the workers that may run the job claims anything, and why one does not.
  case allUnwell(workers: Int, health: String)
  case interrupt
  /// What became of holding back the job's admission.
  case admissionHeld(Bool)
  case generationLost(QuarryError)
}

/// What a coordinator does next.
package enum CoordinatorAction: Sendable, Equatable {
  case readStatus
  case readDeaths
  /// Whether there is a worker that claims.
  case readHealth
  /// Sees to it that nothing more of the job is admitted.
  case holdAdmission
  case report(Progress)
  case notice(CoordinatorNotice)
  case finish(CoordinatorEnd)
}

package enum CoordinatorEnd: Sendable, Equatable {
  case summary(CoordinatorSummary)
  case failed(QuarryError)
}

/// Follows one job: takes an event, answers with actions; all I/O is elsewhere.
package struct CoordinatorState: Sendable {
  private enum Phase: Sendable, Equatable { case submitting, following, summing, ended }

  /// Between two readings of the counters, however many events come.
  static let pace: UInt64 = 250_000_000
  /// Without any event the counters are read this often, for what no event tells: who is eligible, say.
  static let rest: UInt64 = 1_000_000_000
  /// Without an eligible worker for this long, the person is told.
  static let patience: UInt64 = 4_000_000_000
  /// How long an interrupted coordinator waits for the reasons of deaths.
  static let farewell: UInt64 = 2_000_000_000

  private var phase = Phase.submitting
  private let allowedDead: Int
  private let startedAt: UInt64
  private let jobID: String
  private var status = JobStatus()
  private var meter = ThroughputMeter()
  /// What was done when the counters were first read.
  private var first: (done: Int, at: UInt64)?
  private var isReading = false
  private var isStale = false
  private var lastRead: UInt64 = 0
  private var lastReport: Progress?
  private var lonelySince: UInt64?
  private var hasComplained = false
  /// When a task of the job last ended, and when it was last looked whether workers claim.
  private var movedAt: UInt64
  private var lookedAt: UInt64 = 0
  private var hasToldHealth = false
  private var idleSince: UInt64?
  private var announcedDue: Timestamp?
  /// Ctrl-C came: the deaths are still read, but not waited for after this.
  private var leavesBy: UInt64?
  private var isInterrupted = false
  private var isHeld = false
  private var toldHold: JobHold?
  private var toldFleetPaused = false
  private var now: UInt64

  package init(jobID: String, allowedDead: Int, startedAt: UInt64) {
    self.jobID = jobID
    self.allowedDead = allowedDead
    self.startedAt = startedAt
    now = startedAt
    movedAt = startedAt
  }

  package mutating func handle(_ event: CoordinatorEvent) -> [CoordinatorAction] {
    guard phase != .ended else { return [] }
    switch event {
    case .submitted:
      phase = .following
      return read()
    case .status(let status, let at): return take(status, at: at)
    case .changed(let at):
      now = max(now, at)
      isStale = true
      return now >= lastRead + Self.pace ? read() : []
    case .tick(let at):
      now = max(now, at)
      if let leavesBy { return now >= leavesBy ? finish([]) : [] }
      return isStale || now >= lastRead + Self.rest ? read() : []
    case .deaths(let deaths): return finish(deaths)
    case .allUnwell(let workers, let health): return tellHealth(workers, health)
    case .interrupt: return interrupted()
    case .admissionHeld(let isHeld):
      self.isHeld = isHeld
      return phase == .following ? sumUp() : []
    case .generationLost(let error):
      phase = .ended
      return [.finish(.failed(error))]
    }
  }

  private mutating func read() -> [CoordinatorAction] {
    guard phase == .following, !isReading else { return [] }
    isReading = true
    isStale = false
    lastRead = now
    return [.readStatus]
  }

  private mutating func take(_ status: JobStatus, at: UInt64) -> [CoordinatorAction] {
    isReading = false
    guard phase == .following else { return [] }
    now = max(now, at)
    if status.ended != self.status.ended { (movedAt, hasToldHealth) = (now, false) }
    self.status = status
    if first == nil { first = (status.done, now) }
    meter.add(status.done + status.dead, at: now)
    let actions = tellHold() + complain() + lookAtHealth() + announce() + report()
    return status.isFinished ? actions + sumUp() : actions
  }

  private mutating func sumUp() -> [CoordinatorAction] {
    phase = .summing
    return status.dead > 0 ? [.readDeaths] : finish([])
  }

  /// A job that is being summed up is finished, whoever interrupts. Else nothing more of it is admitted, until somebody
  /// goes on with it.
  private mutating func interrupted() -> [CoordinatorAction] {
    guard leavesBy == nil else { return [] }
    leavesBy = now + Self.farewell
    guard phase != .summing else { return [] }
    isInterrupted = true
    return phase == .following ? [.holdAdmission] : sumUp()
  }

  /// What is told while the process leaves is its own doing.
  private mutating func tellHold() -> [CoordinatorAction] {
    guard status.hold != toldHold || status.isFleetPaused != toldFleetPaused, !isInterrupted else { return [] }
    toldHold = status.hold
    toldFleetPaused = status.isFleetPaused
    return [.notice(.held(status.hold, jobID: jobID, isFleetPaused: status.isFleetPaused))]
  }

  /// Waits between tries are short; only what lasts is worth a word, once for each time that is waited for.
  private mutating func announce() -> [CoordinatorAction] {
    guard let due = status.nextDue else {
      idleSince = nil
      announcedDue = nil
      return []
    }
    let since = idleSince ?? now
    idleSince = since
    guard now >= since + Self.patience, announcedDue != due else { return [] }
    announcedDue = due
    return [.notice(.waiting(tasks: status.scheduled, until: due))]
  }

  private mutating func report() -> [CoordinatorAction] {
    let rate = meter.perSecond
    let timeLeft = rate.flatMap { $0 > 0 ? Duration.seconds(Double(status.remaining) / $0) : nil }
    let progress = Progress(status: status, elapsed: elapsed, perSecond: rate, timeLeft: timeLeft)
    guard lastReport != progress else { return [] }
    lastReport = progress
    return [.report(progress)]
  }

  private mutating func complain() -> [CoordinatorAction] {
    guard status.eligibleWorkers == 0, status.leased == 0, status.remaining > 0, !status.isServedNothing else {
      lonelySince = nil
      hasComplained = false
      return []
    }
    let since = lonelySince ?? now
    lonelySince = since
    guard !hasComplained, now >= since + Self.patience else { return [] }
    hasComplained = true
    return [.notice(.noEligibleWorker(workers: status.workers))]
  }

  /// Tasks wait and none has ended for a while: long runs, or workers that have paused themselves.
  private mutating func lookAtHealth() -> [CoordinatorAction] {
    guard status.ready > 0, status.eligibleWorkers > 0, !status.isServedNothing, !hasToldHealth,
      now >= max(movedAt, lookedAt) + Self.patience
    else { return [] }
    lookedAt = now
    return [.readHealth]
  }

  private mutating func tellHealth(_ workers: Int, _ health: String) -> [CoordinatorAction] {
    guard phase == .following, !hasToldHealth else { return [] }
    hasToldHealth = true
    return [.notice(.workersUnwell(workers: workers, health: health))]
  }

  private mutating func finish(_ deaths: [Death]) -> [CoordinatorAction] {
    phase = .ended
    let summary = CoordinatorSummary(
      jobID: jobID, status: status, elapsed: elapsed, perSecond: seenPerSecond,
      deaths: CoordinatorSummary.group(deaths),
      allowedDead: allowedDead, isInterrupted: isInterrupted, isHeld: isHeld)
    return [.finish(.summary(summary))]
  }

  private var seenPerSecond: Double? {
    guard let first, now > first.at else { return nil }
    return Double(status.done - first.done) * 1e9 / Double(now - first.at)
  }

  private var elapsed: Duration { .nanoseconds(Int64(now - startedAt)) }
}

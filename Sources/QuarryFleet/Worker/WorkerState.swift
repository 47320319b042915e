import QuarryCore

/// What a worker knows and decides: takes an event, answers with actions; all I/O is elsewhere.
///
/// A slot is taken from the claim until `complete` or `fail` was answered. Records that storage and Redis still have
/// to settle take no slot, but too many of them stop claiming.
package struct WorkerState: Sendable {
  package enum Phase: Sendable, Equatable {
    case booting
    case working
    /// No more claims; ends when nothing is held and nothing is unsettled.
    case ending(WorkerEnd)
    case ended
  }

  struct Held: Sendable, Equatable {
    var task: TaskAssignment
    var stop: RunControl.StopReason?
    /// The executor's first frame has arrived.
    var hasBegun = false
    /// `complete` or `fail` is on its way.
    var isReporting = false
    var figures: RunFigures?
    var failure: (kind: TaskResult.FailureKind, reason: String)?

    static func == (left: Held, right: Held) -> Bool {
      left.task == right.task && left.stop == right.stop && left.isReporting == right.isReporting
    }
  }

  package internal(set) var phase = Phase.booting
  package var timing: LeaseTiming
  let slots: Int
  let drainTimeout: Duration
  let releaseTimeout: Duration
  var held: [String: Held] = [:]
  var isClaiming = false
  var isWaiting = false
  /// Redis is not the one that this worker joined: nothing can be told it any more.
  var isGenerationLost = false
  /// The fleet or this worker is paused: asked again with each renewal, and no wake-up is taken from others.
  var isPaused = false
  private(set) var isToldPaused = false
  private var isRenewing = false
  private var heartbeatTimer = 0
  private var dueTimer = 0
  var unsettled = 0
  var pause = ClaimPause()
  /// Executors that crashed since a run last came to an end of its own.
  var crashes = 0
  /// The process holds more memory than it may.
  var isOverMemory = false
  private var toldHealth = ""
  private var isTellingHealth = false

  package init(
    slots: Int, timing: LeaseTiming, drainTimeout: Duration, releaseTimeout: Duration = .seconds(5)
  ) {
    self.slots = slots
    self.timing = timing
    self.drainTimeout = drainTimeout
    self.releaseTimeout = releaseTimeout
  }

  /// Runs that are held, by run id.
  package var heldTasks: [TaskAssignment] { held.values.map(\.task).sorted { $0.runID < $1.runID } }

  package mutating func handle(_ event: WorkerEvent) -> [WorkerAction] {
    guard phase != .ended else { return [] }
    return react(to: event) + finishIfDone() + tellHealth()
  }

  /// What keeps this worker from claiming is for others to see; one word at a time, the last one counts.
  private mutating func tellHealth() -> [WorkerAction] {
    guard !isTellingHealth, health != toldHealth, phase != .ended else { return [] }
    isTellingHealth = true
    toldHealth = health
    return [.tellHealth(health)]
  }

  mutating func react(to event: WorkerEvent) -> [WorkerAction] {
    switch event {
    case .ready:
      if phase == .booting { phase = .working }
      return renew() + fill()
    case .claimAnswered(let answer, let sentAt): return claimed(answer, sentAt: sentAt)
    case .wokeUp:
      isWaiting = false
      return fill()
    case .executorStarted(let runID):
      held[runID]?.hasBegun = true
      return held[runID].map { [.sendStarted($0.task), .notice(.runStarted($0.task))] } ?? []
    case .heartbeat(let timer): return timer == heartbeatTimer ? renew() : []
    case .due(let timer): return timer == dueTimer ? claim() : []
    case .renewed(let answer, let named, let sentAt): return renewed(answer, named: named, sentAt: sentAt)
    case .entitlementLost(let runID, let reason): return stop(runID, reason)
    case .runEnded(let runID, let result, let emitted): return runEnded(runID, result, emitted: emitted)
    case .completeAnswered(let runID, let answer, let sentAt): return completed(runID, answer, sentAt: sentAt)
    case .failAnswered(let runID, let answer): return failed(runID, answer)
    case .reportRefused(let runID, let reason):
      return held[runID].map { [.notice(.reportRefused($0.task, reason: reason))] } ?? []
    case .settled(let count):
      unsettled = max(0, unsettled - count)
      return fill()
    case .storageRefused(let reason): return startPause(.storage, reason)
    case .storageTook: return storageTook()
    case .healthTold:
      isTellingHealth = false
      return []
    case .memory(let isOver, let bytes): return memory(isOver: isOver, bytes)
    case .pauseOver:
      pause.isOver()
      return fill()
    case .drain: return end(.drained)
    case .drainTimeout: return drainIsOver()
    case .releaseTimeout: return abandon()
    case .kill: return kill()
    case .generationLost(let error): return generationLost(error)
    }
  }
}

// MARK: claims

extension WorkerState {
  /// Accepted runs whose ledger record is not written yet; beyond this claiming waits for the ledger.
  var unsettledLimit: Int { 64 + 4 * slots }

  var freeSlots: Int {
    guard phase == .working, pause.allowsClaims, !isOverMemory, unsettled < unsettledLimit else { return 0 }
    let free = slots - held.count
    return pause.isOnProbation ? min(free, held.isEmpty ? 1 : 0) : free
  }

  mutating func fill() -> [WorkerAction] { isWaiting ? [] : claim() }

  private mutating func claim() -> [WorkerAction] {
    guard !isClaiming, !isPaused, freeSlots > 0 else { return [] }
    isClaiming = true
    return [.claim(freeSlots)]
  }

  mutating func claimed(_ answer: ClaimAnswer, sentAt: UInt64) -> [WorkerAction] {
    isClaiming = false
    return receive(answer, sentAt: sentAt)
  }

  mutating func receive(_ answer: ClaimAnswer, sentAt: UInt64) -> [WorkerAction] {
    var actions = follow(answer.timing)
    actions += note(isPaused: answer.isPaused)
    for task in answer.tasks { actions += take(task, sentAt: sentAt) }
    if freeSlots > 0 { actions += waitForWork(answer.nextDueMilliseconds) }
    return actions
  }

  private mutating func note(isPaused now: Bool) -> [WorkerAction] {
    isPaused = now
    guard now != isToldPaused else { return [] }
    isToldPaused = now
    return [.notice(now ? .held : .holdLifted)]
  }

  /// A block lasts until something may be due, and 5 s at most. One that is under way cannot be made shorter: what will be
  /// due before its end is asked for in time all the same.
  mutating func waitForWork(_ milliseconds: Int64?) -> [WorkerAction] {
    guard !isClaiming, !isPaused else { return [] }
    dueTimer += 1
    let longest = Duration.milliseconds(min(max(milliseconds ?? 5_000, 1), 5_000))
    if isWaiting { return milliseconds == nil ? [] : [.startDueTimer(longest, dueTimer)] }
    isWaiting = true
    return [.awaitWork(longest)]
  }

  mutating func take(_ task: TaskAssignment, sentAt: UInt64) -> [WorkerAction] {
    held[task.runID] = Held(task: task)
    guard phase == .working else { return report(task.runID, .release, "the worker is stopping") }
    return [.run(task, deadline: timing.deadline(sentAt: sentAt))]
  }
}

// MARK: leases

extension WorkerState {
  private mutating func renew() -> [WorkerAction] {
    guard !isRenewing else { return [] }
    isRenewing = true
    return [.renew(heldTasks)]
  }

  /// A shorter heartbeat than the one that is waited for holds at once.
  private mutating func follow(_ new: LeaseTiming?) -> [WorkerAction] {
    guard let new else { return [] }
    defer { timing = new }
    return new.heartbeat < timing.heartbeat && !isRenewing ? startHeartbeat(new.heartbeat) : []
  }

  private mutating func startHeartbeat(_ delay: Duration) -> [WorkerAction] {
    heartbeatTimer += 1
    return [.startHeartbeat(delay, heartbeatTimer)]
  }

  mutating func renewed(_ answer: RenewAnswer, named: [String], sentAt: UInt64) -> [WorkerAction] {
    isRenewing = false
    timing = answer.timing ?? timing
    var actions = startHeartbeat(timing.heartbeat) + (answer.mustJoin ? [.join] : [])
    if answer.mustDrain, phase == .working { actions += [.notice(.dismissed)] + end(.drained) }
    for runID in named where held[runID] != nil {
      if answer.lost.contains(runID) {
        actions += stop(runID, .leaseLost)
      } else if answer.cancelled.contains(runID) {
        actions += stop(runID, .cancelled)
      } else {
        actions.append(.extend(runID: runID, deadline: timing.deadline(sentAt: sentAt)))
      }
    }
    return actions + askAgain()
  }

  /// Whether it is still paused is known by asking.
  private mutating func askAgain() -> [WorkerAction] {
    guard isPaused else { return [] }
    isPaused = false
    return fill()
  }

  /// The first reason holds; what is being reported is Redis' to judge.
  mutating func stop(_ runID: String, _ reason: RunControl.StopReason) -> [WorkerAction] {
    guard var entry = held[runID], entry.stop == nil, !entry.isReporting else { return [] }
    entry.stop = reason
    held[runID] = entry
    return [.stop(runID: runID, reason)]
  }

  mutating func stopHeld(_ reason: RunControl.StopReason) -> [WorkerAction] {
    var actions: [WorkerAction] = []
    for runID in held.keys.sorted() { actions += stop(runID, reason) }
    return actions
  }
}

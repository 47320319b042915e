import QuarryCore

// How runs end, what storage's refusals do, and how the worker ends.

extension WorkerState {
  mutating func runEnded(_ runID: String, _ result: TaskResult, emitted: Int) -> [WorkerAction] {
    guard let entry = held[runID], !entry.isReporting else { return [] }
    switch (entry.stop, result) {
    case (_, .accepted(let figures)):  // Whether it still counts is Redis' to judge.
      crashes = 0
      held[runID]?.isReporting = true
      held[runID]?.figures = figures
      return [.complete(entry.task, figures, emitted: emitted, claimNext: mayClaimOnComplete)]
    case (.leaseLost, _):
      // After an outage nobody else may have its task yet, and Redis, which gives leases time then, would take this for a crash.
      return isGenerationLost ? drop(runID, entry) : report(runID, .release, Self.leaseLost)
    // Nobody else has its task: it has ended when Redis knows that its executor is stopped.
    case (.cancelled, _): return report(runID, .release, Self.cancelled)
    case (.shutdown, _): return report(runID, .release, "the worker is stopping")
    case (_, .failed(let kind, let reason, let figures)):
      return report(runID, kind, reason, hosts: figures.hosts) + consequences(of: kind, reason: reason)
    }
  }

  var mayClaimOnComplete: Bool {
    phase == .working && pause.allowsClaims && !pause.isOnProbation && !isOverMemory && unsettled < unsettledLimit
  }

  mutating func report(
    _ runID: String, _ kind: TaskResult.FailureKind, _ reason: String, hosts: [HostNote] = []
  ) -> [WorkerAction] {
    guard let entry = held[runID] else { return [] }
    held[runID]?.isReporting = true
    held[runID]?.failure = (kind, reason)
    return [.fail(entry.task, kind, reason: reason, hasBegun: entry.hasBegun, hosts: hosts)]
  }

  mutating func consequences(of kind: TaskResult.FailureKind, reason: String) -> [WorkerAction] {
    switch kind {
    case .storage, .worker: return startPause(kind, reason)
    case .versionMismatch:
      return end(
        .failed(
          QuarryError(
            .executor, "the executor is of another version than this worker: \(reason)",
            remedy:
              "Install one version of quarry, its SDK and its executor (this worker is \(Version.current)), then start it again."
          )))
    case .crash: return crashed(reason)
    case .app, .blocked: return executorHeld()
    case .release, .unrunnable: return []
    }
  }

  static let cancelled = "its task was cancelled"
  static let leaseLost = "its lease is lost"

  mutating func drop(_ runID: String, _ entry: Held) -> [WorkerAction] {
    held[runID] = nil
    return [.forget(runID: runID), .notice(.runSuperseded(entry.task, reason: Self.leaseLost))] + fill()
  }

  mutating func completed(_ runID: String, _ answer: CompleteAnswer, sentAt: UInt64) -> [WorkerAction] {
    guard let entry = held.removeValue(forKey: runID) else { return [] }
    var actions: [WorkerAction] = [.forget(runID: runID)]
    switch answer {
    case .accepted(let pending, let next):
      actions += storageTook()
      if let pending { actions.append(settle(pending)) }
      actions += [.notice(.runAccepted(entry.task, entry.figures ?? RunFigures(outcome: .success)))]
      return actions + (next.map { receive($0, sentAt: sentAt) } ?? fill())
    case .refused(let reason):
      return actions + [.notice(.runSuperseded(entry.task, reason: reason))] + fill()
    }
  }

  private mutating func settle(_ pending: PendingEntry) -> WorkerAction {
    unsettled += 1
    return .settle(pending)
  }

  mutating func failed(_ runID: String, _ answer: FailAnswer) -> [WorkerAction] {
    guard let entry = held.removeValue(forKey: runID) else { return [] }
    let failure = entry.failure ?? (.release, "")
    var actions: [WorkerAction] = [.forget(runID: runID)]
    if let pending = answer.pending { actions.append(settle(pending)) }
    actions.append(.notice(notice(of: entry.task, failure, answer)))
    return actions + fill()
  }

  private func notice(
    of task: TaskAssignment, _ failure: (kind: TaskResult.FailureKind, reason: String), _ answer: FailAnswer
  ) -> WorkerNotice {
    switch TaskState(rawValue: answer.next) {
    case .cancelled: .runSuperseded(task, reason: Self.cancelled)
    // The queue answered why the failure did not count, and not where the task is.
    case nil: .runSuperseded(task, reason: Self.leaseLost)
    default: .runFailed(task, failure.kind, reason: failure.reason, then: answer.next)
    }
  }
}

// MARK: what the worker itself lacks

extension WorkerState {
  mutating func startPause(_ cause: TaskResult.FailureKind, _ reason: String) -> [WorkerAction] {
    guard let duration = pause.begin(because: cause, reason) else { return [] }
    return [.startPause(duration), .notice(.paused(cause, reason: reason, duration))]
  }

  mutating func storageTook() -> [WorkerAction] {
    guard pause.end() else { return [] }
    return [.notice(.pauseLifted)] + fill()
  }
}

// MARK: executors and memory

extension WorkerState {
  /// One script may crash its executor; so many in a row are this machine's fault, or soon will be.
  static let crashLimit = 5

  private mutating func crashed(_ reason: String) -> [WorkerAction] {
    crashes += 1
    let isOnTrial = pause.isOnProbation && pause.cause == .crash
    return crashes >= Self.crashLimit || isOnTrial ? startPause(.crash, reason) : []
  }

  /// The run failed by itself, so its executor was well.
  private mutating func executorHeld() -> [WorkerAction] {
    crashes = 0
    guard pause.isOnProbation, pause.cause == .crash, pause.end() else { return [] }
    return [.notice(.pauseLifted)]
  }

  /// A process that holds too much with nothing to do will not get smaller: it ends, and its successor begins anew.
  mutating func memory(isOver: Bool, _ bytes: Int) -> [WorkerAction] {
    let isNew = isOver != isOverMemory
    isOverMemory = isOver
    guard isOver else { return isNew ? [.notice(.memoryFreed)] + fill() : [] }
    guard phase == .working, held.isEmpty, unsettled == 0, !isClaiming else {
      return isNew ? [.notice(.memoryFull(bytes))] : []
    }
    return end(.outgrown(bytes))
  }
}

// MARK: the end

extension WorkerState {
  /// Why it claims nothing, when it does not.
  var hindrance: WorkerFigures.Hindrance? {
    guard phase == .working || phase == .booting else { return .ending }
    guard pause.allowsClaims, !pause.isOnProbation else {
      switch pause.cause {
      case .worker: return .worker
      case .crash: return .crash
      default: return .storage
      }
    }
    if isOverMemory { return .memory }
    return isToldPaused ? .held : nil
  }

  /// The same in words, without what people order; empty when the worker is well.
  package var health: String {
    switch hindrance {
    case .storage, .worker, .crash: "\(pause.cause.rawValue): \(pause.reason)"
    case .memory: "memory: it holds more than its --max-rss"
    case .held, .ending, nil: ""
    }
  }

  mutating func end(_ end: WorkerEnd) -> [WorkerAction] {
    switch phase {
    case .booting, .working: break
    case .ending, .ended: return []
    }
    phase = .ending(end)
    return [.startDrainTimer(drainTimeout), .notice(.draining(held: held.count, drainTimeout))]
  }

  /// What still runs is stopped, to be given back; that too may take only so long.
  mutating func drainIsOver() -> [WorkerAction] {
    let stops = stopHeld(.shutdown)
    return [.startReleaseTimer(releaseTimeout)] + (stops.isEmpty ? [] : [.notice(.releasing(held: held.count))]) + stops
  }

  /// Redis or storage does not answer: the process ends all the same.
  mutating func abandon() -> [WorkerAction] {
    guard case .ending(let end) = phase else { return [] }
    phase = .ended
    if case .failed = end { return [.finish(end)] }
    return [
      .notice(.abandoning(held: held.count, unsettled: unsettled)),
      .finish(.abandoned(held: held.count, unsettled: unsettled)),
    ]
  }

  mutating func kill() -> [WorkerAction] {
    let stops = stopHeld(.shutdown)
    phase = .ended
    return stops + [.finish(.killed)]
  }

  mutating func generationLost(_ error: QuarryError) -> [WorkerAction] {
    var actions: [WorkerAction] = []
    isGenerationLost = true
    if case .ending(.failed) = phase {
    } else {
      phase = .ending(.failed(error))
      // Nothing can be given back any more; ends that storage does not take must not keep the process.
      actions += [.startReleaseTimer(releaseTimeout), .notice(.generationLost(error.message))]
    }
    isClaiming = false
    for runID in held.keys.sorted() {
      if held[runID]?.isReporting == true {
        held[runID] = nil
        actions.append(.forget(runID: runID))
      } else {
        actions += stop(runID, .leaseLost)
      }
    }
    return actions
  }

  mutating func finishIfDone() -> [WorkerAction] {
    guard case .ending(let end) = phase, held.isEmpty, unsettled == 0, !isClaiming else { return [] }
    phase = .ended
    return [.finish(end)]
  }
}

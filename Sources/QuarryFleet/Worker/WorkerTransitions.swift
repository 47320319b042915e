import QuarryCore

/// The worker's calls to Redis: each ends in the event that its answer is, or in none when the worker is stopping.
struct WorkerTransitions: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let workerID: String
  let clock: FleetClock
  let report: @Sendable (WorkerEvent) -> Void

  /// The lease counts from the first try: Redis may have claimed at it and only the answer was lost.
  func claim(_ count: Int) async {
    let sentAt = clock.boot()
    let requestID = UUIDv7.make()
    let answer = await caller.call { () async throws(QuarryError) in
      try await queue.claim(workerID: workerID, count: count, requestID: requestID)
    }
    if let answer { report(.claimAnswered(answer, sentAt: sentAt)) }
  }

  func awaitWork(_ longest: Duration) async {
    _ = await caller.call { () async throws(QuarryError) in try await queue.waitForWork(upTo: longest) }
    report(.wokeUp)
  }

  func tell(health: String) async {
    _ = await caller.call { () async throws(QuarryError) in
      try await queue.tell(health: Self.bounded(health), workerID: workerID)
    }
    report(.healthTold)
  }

  func started(_ task: TaskAssignment) async {
    let requestID = UUIDv7.make()
    let answer = await caller.call { () async throws(QuarryError) in
      try await queue.started(task, workerID: workerID, requestID: requestID)
    }
    guard case .refused(let reason) = answer else { return }
    let isCancelled = reason == TaskState.cancelled.rawValue
    report(.entitlementLost(runID: task.runID, isCancelled ? .cancelled : .leaseLost))
  }

  func complete(_ task: TaskAssignment, _ figures: RunFigures, emitted: Int, claimNext: Bool) async {
    let sentAt = clock.boot()
    let requestID = UUIDv7.make()
    let notification = notification(task, figures)
    let answer = await caller.call { () async throws(QuarryError) in
      try await queue.complete(
        task, figures, emitted: emitted, notification: notification, claimNext: claimNext, workerID: workerID,
        requestID: requestID)
    }
    if let answer { report(.completeAnswered(runID: task.runID, answer, sentAt: sentAt)) }
  }

  func fail(
    _ task: TaskAssignment, _ kind: TaskResult.FailureKind, reason: String, hasBegun: Bool, hosts: [HostNote]
  ) async {
    let requestID = UUIDv7.make()
    let answer = await caller.call { () async throws(QuarryError) in
      try await queue.fail(
        task, kind, reason: Self.bounded(reason), hasBegun: hasBegun, hosts: hosts, workerID: workerID,
        requestID: requestID)
    }
    if let answer { report(.failAnswered(runID: task.runID, answer)) }
  }

  private func notification(_ task: TaskAssignment, _ figures: RunFigures) -> String {
    RunCompleted(
      runID: task.runID, source: task.source, category: task.category, day: figures.day,
      outcome: figures.outcome ?? .success, storagePath: figures.storagePath, timestamp: clock.wall(),
      jobID: task.jobID, attempt: task.attempt, eventCount: figures.eventCount,
      durationMilliseconds: figures.durationMilliseconds
    ).json
  }

  /// Errors are kept up to 4 KiB.
  private static func bounded(_ reason: String) -> String {
    guard reason.utf8.count > 4_096 else { return reason }
    return String(decoding: reason.utf8.prefix(4_093), as: UTF8.self) + "…"
  }
}

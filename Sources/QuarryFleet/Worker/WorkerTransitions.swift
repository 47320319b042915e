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

  func fail(
    _ task: TaskAssignment, _ kind: TaskResult.FailureKind, reason: String, hasBegun: Bool, hosts: [HostNote]
  ) async {
    let requestID = UUIDv7.make()
    let answer = await caller.call(longestPause: RunReports.longestPause) { () async throws(QuarryError) in
      try await queue.fail(
        task, kind, reason: Self.bounded(reason), hasBegun: hasBegun, hosts: hosts, workerID: workerID,
        requestID: requestID)
    }
    if let answer { report(.failAnswered(runID: task.runID, answer)) }
  }

  /// Errors are kept up to 4 KiB.
  private static func bounded(_ reason: String) -> String {
    reason.utf8.count > 4_096 ? reason.beginning(4_093) + "…" : reason
  }
}

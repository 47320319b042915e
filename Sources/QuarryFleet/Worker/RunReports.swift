import QuarryCore
import Synchronization

/// Tells Redis of starts and good ends of runs, in few calls: all that gathers while one call is under way goes into the
/// next. A start that was not told before its run's end needs no telling, since the end tells it too. What Redis refuses
/// together is told one by one beside what comes, so that one run holds up no other.
package final class RunReports: Sendable {
  private struct Waiting {
    var starts: [TaskAssignment] = []
    var ends: [RunCompletion] = []
  }
  private let waiting = Mutex(Waiting())
  private let work: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation
  private let queue: FleetQueue
  private let caller: PatientCaller
  private let workerID: String
  private let clock: FleetClock
  private let report: @Sendable (WorkerEvent) -> Void

  /// Most starts, and most ends, in a call: others wait for Redis while it works through them.
  static let batch = 100
  /// All other starts and ends of the worker wait for a call that is under way.
  static let longestPause = Duration.seconds(2)
  /// Starts or ends that are told together are refused this often before each is told by itself.
  static let sharedRefusals = 2
  /// Most pieces of derived work that the answer to a call brings for the ledger, but for a single run's.
  static let longestAnswer = 1_000

  package init(
    queue: FleetQueue, caller: PatientCaller, workerID: String, clock: FleetClock,
    report: @escaping @Sendable (WorkerEvent) -> Void
  ) {
    self.queue = queue
    self.caller = caller
    self.workerID = workerID
    self.clock = clock
    self.report = report
    (work, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  package func add(startOf task: TaskAssignment) {
    waiting.withLock { $0.starts.append(task) }
    signal.yield()
  }

  package func add(endOf task: TaskAssignment, _ figures: RunFigures, emitted: Int, claimsNext: Bool) {
    let end = RunCompletion(
      task: task, figures: figures, emitted: emitted, notification: notification(task, figures), claimsNext: claimsNext)
    waiting.withLock { waiting in
      waiting.starts.removeAll { $0.runID == task.runID }
      waiting.ends.append(end)
    }
    signal.yield()
  }

  /// Until the surrounding task is cancelled.
  package func run() async {
    await withDiscardingTaskGroup { group in
      for await _ in work {
        while case let (starts, ends) = take(), !starts.isEmpty || !ends.isEmpty, !Task.isCancelled {
          let sentAt = clock.boot()
          async let refusedStarts = tell(starts, refusals: Self.sharedRefusals)
          let refusedEnds = await tell(ends, sentAt: sentAt, refusals: Self.sharedRefusals)
          if await refusedStarts != nil {
            for start in starts { group.addTask { await self.tellAlone(start) } }
          }
          if refusedEnds != nil {
            for end in ends { group.addTask { await self.tellAlone(end, sentAt: sentAt) } }
          }
        }
      }
    }
  }

  private func take() -> ([TaskAssignment], [RunCompletion]) {
    waiting.withLock { waiting in
      let starts = Array(waiting.starts.prefix(Self.batch))
      waiting.starts.removeFirst(starts.count)
      var (count, emitted) = (0, 0)
      for end in waiting.ends.prefix(Self.batch) {
        emitted += end.emitted ?? 0
        if count > 0, emitted > Self.longestAnswer { break }
        count += 1
      }
      defer { waiting.ends.removeFirst(count) }
      return (starts, Array(waiting.ends.prefix(count)))
    }
  }

  private func tellAlone(_ start: TaskAssignment) async {
    guard let refusal = await tell([start], refusals: 1) else { return }
    report(.reportRefused(runID: start.runID, reason: refusal.message))
    _ = await tell([start], refusals: .max)
  }

  private func tellAlone(_ end: RunCompletion, sentAt: UInt64) async {
    guard let refusal = await tell([end], sentAt: sentAt, refusals: 1) else { return }
    report(.reportRefused(runID: end.task.runID, reason: refusal.message))
    _ = await tell([end], sentAt: sentAt, refusals: .max)
  }

  /// - Returns: why Redis refused as often as it may; nil when it took the starts, or nobody waits for that any more.
  private func tell(_ starts: [TaskAssignment], refusals: Int) async -> QuarryError? {
    if starts.isEmpty { return nil }
    let requestID = UUIDv7.make()
    let outcome = await caller.call(longestPause: Self.longestPause, refusals: refusals) {
      () async throws(QuarryError) in
      try await queue.started(starts, workerID: workerID, requestID: requestID)
    }
    guard case .answered(let answers) = outcome else { return outcome.refusal }
    for (task, answer) in zip(starts, answers) {
      guard case .refused(let reason) = answer else { continue }
      let isCancelled = reason == TaskState.cancelled.rawValue
      report(.entitlementLost(runID: task.runID, isCancelled ? .cancelled : .leaseLost))
    }
    return nil
  }

  /// - Parameter sentAt: of the first try. The lease of what is handed out counts from there: Redis may have claimed at it and
  ///   only the answer was lost.
  private func tell(_ ends: [RunCompletion], sentAt: UInt64, refusals: Int) async -> QuarryError? {
    if ends.isEmpty { return nil }
    let requestID = UUIDv7.make()
    let outcome = await caller.call(longestPause: Self.longestPause, refusals: refusals) {
      () async throws(QuarryError) in
      try await queue.complete(ends, workerID: workerID, requestID: requestID)
    }
    guard case .answered(let answers) = outcome else { return outcome.refusal }
    for (end, answer) in zip(ends, answers) {
      report(.completeAnswered(runID: end.task.runID, answer, sentAt: sentAt))
    }
    return nil
  }

  private func notification(_ task: TaskAssignment, _ figures: RunFigures) -> String {
    RunCompleted(
      runID: task.runID, source: task.source, category: task.category, day: figures.day,
      outcome: figures.outcome ?? .success, storagePath: figures.storagePath, timestamp: clock.wall(),
      jobID: task.jobID, attempt: task.attempt, eventCount: figures.eventCount,
      durationMilliseconds: figures.durationMilliseconds
    ).json
  }
}

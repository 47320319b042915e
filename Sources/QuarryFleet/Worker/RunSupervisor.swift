import QuarryCore

/// Takes one claimed task through its run: checks its script, sends its derived work, has its deadline watched.
struct RunSupervisor: Sendable {
  let queue: FleetQueue
  let caller: PatientCaller
  let handler: any TaskHandler
  let scripts: ScriptRoot
  let scriptGuard: ScriptGuard
  let deadlines: DeadlineWatch
  let workerID: String
  let clock: FleetClock
  let report: @Sendable (WorkerEvent) -> Void

  /// A full outbox is asked again after this long.
  static let outboxPause = Duration.milliseconds(200)

  /// Ends with exactly one `runEnded`, unless the surrounding task is cancelled first.
  /// - Parameter buffer: closed by whoever stops the run, so that no script waits for an outbox that is away.
  func run(_ task: TaskAssignment, derived buffer: DerivedWorkBuffer, control: RunControl) async {
    let result = await result(of: task, buffer: buffer, control: control)
    report(.runEnded(runID: task.runID, result, emitted: buffer.count))
  }

  private func result(
    of task: TaskAssignment, buffer: DerivedWorkBuffer, control: RunControl
  ) async -> TaskResult {
    if let refusal = await refusal(of: task, control: control) { return refusal }
    deadlines.watch(task.runID, control)
    defer { deadlines.forget(task.runID) }
    let sink = TargetedSink(buffer: buffer, scripts: scripts, emitter: task.target)
    return await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await buffer.run { batch throws(QuarryError) in try await send(batch, of: task, control: control) }
      }
      let result = await handler.run(task, derived: sink, control: control)
      let settled = await settle(result, buffer: buffer)
      group.cancelAll()
      return settled
    }
  }

  /// Why the run must not begin.
  private func refusal(of task: TaskAssignment, control: RunControl) async -> TaskResult? {
    func failed(_ kind: TaskResult.FailureKind, _ reason: String) -> TaskResult {
      .failed(kind, reason: reason, RunFigures(outcome: nil))
    }
    switch await scriptGuard.verdict(on: task) {
    case .unrunnable(let reason): return failed(.unrunnable, reason)
    case .differs(let reason): return failed(.release, "worker \(workerID) is not given the job: \(reason)")
    case .stopping: return failed(.release, "the worker is stopping")
    case .same: break
    }
    guard let deadline = control.deadline, clock.boot() >= deadline else { return nil }
    return failed(.release, "the claim's answer came after its lease")
  }

  /// A run counts only with all of its derived work in Redis; a failed one takes back what was not sent yet.
  private func settle(_ result: TaskResult, buffer: DerivedWorkBuffer) async -> TaskResult {
    guard case .accepted(let figures) = result else {
      buffer.close(QuarryError(.fleet, "the run failed"))
      return result
    }
    do throws(QuarryError) {
      try await buffer.drained()
      return result
    } catch {
      return .failed(.release, reason: "derived work was not taken: \(error.message)", figures)
    }
  }

  private func send(
    _ batch: [DerivedWork], of task: TaskAssignment, control: RunControl
  ) async throws(QuarryError) {
    let requestID = UUIDv7.make()
    while true {
      let answer = await caller.call { () async throws(QuarryError) in
        try await queue.emit(batch, by: task, workerID: workerID, requestID: requestID)
      }
      switch answer {
      case .taken: return
      case .full: await clock.sleep(Self.outboxPause)
      case .refused(let reason):
        let stop: RunControl.StopReason = reason == TaskState.cancelled.rawValue ? .cancelled : .leaseLost
        control.stop(stop)
        report(.entitlementLost(runID: task.runID, stop))
        throw QuarryError(.fleet, "the run may derive no more work: \(reason)")
      case nil: throw QuarryError(.fleet, "the worker is stopping")
      }
    }
  }
}

/// Turns an `enqueue`'s target, which is relative to the emitting script, into one that all machines agree on.
private struct TargetedSink: DerivedWorkSink {
  let buffer: DerivedWorkBuffer
  let scripts: ScriptRoot
  let emitter: String

  func accept(_ work: DerivedWork) throws(QuarryError) {
    var work = work
    work.target = scripts.target(work.target, emittedBy: emitter)
    try WorkRecord(work).check()
    try buffer.accept(work)
  }
}

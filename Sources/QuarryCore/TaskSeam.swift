import Synchronization

/// A task as a worker got it: what to run, where its records go, and the proof of its claim.
package struct TaskAssignment: Sendable, Equatable {
  package var taskID: String
  package var jobID: String
  /// Fresh for this claim.
  package var runID: String
  package var epoch: Int64
  /// Claims of the task that started an executor, this one included.
  package var attempt: Int
  /// The run of the attempt before, for `attempt` > 1; the emitting run for a first attempt of derived work.
  package var parentRunID: String?
  package var originRunID: String?
  package var depth: Int
  /// Path of the script, relative to the script root, without `..`.
  package var target: String
  /// A JSON object, as text; the run's `job`.
  package var params: String
  package var source: String
  package var category: String
  /// The policy as its flags say it, for example `strict` or `streaming flush-count=500`.
  package var policy: String
  package var timeoutMilliseconds: Int?
  /// SHA-256 in hex of the script that the job means by its target; nil when nobody has named one yet.
  package var scriptHash: String?

  package init(
    taskID: String, jobID: String, runID: String, epoch: Int64, attempt: Int, parentRunID: String? = nil,
    originRunID: String? = nil, depth: Int, target: String, params: String, source: String, category: String,
    policy: String, timeoutMilliseconds: Int? = nil, scriptHash: String? = nil
  ) {
    self.taskID = taskID
    self.jobID = jobID
    self.runID = runID
    self.epoch = epoch
    self.attempt = attempt
    self.parentRunID = parentRunID
    self.originRunID = originRunID
    self.depth = depth
    self.target = target
    self.params = params
    self.source = source
    self.category = category
    self.policy = policy
    self.timeoutMilliseconds = timeoutMilliseconds
    self.scriptHash = scriptHash
  }
}

/// How the run of a task ended, in the fleet's terms.
package enum TaskResult: Sendable, Equatable {
  /// The run succeeded and all of its records and metrics are acknowledged by storage.
  case accepted(RunFigures)
  case failed(FailureKind, reason: String, RunFigures)

  /// Which budget a failure is charged to.
  package enum FailureKind: String, Sendable, CaseIterable {
    /// Script error or timeout: burns an attempt.
    case app
    /// The executor died after its first frame: burns the crash budget.
    case crash
    /// The site refused: burns the block budget. The hosts that refused are in the figures.
    case blocked
    /// Stopped before the script began, or by a shutdown: burns nothing.
    case release
    /// Storage could not take the records: burns nothing, and the worker pauses.
    case storage
    /// The worker lacks what runs need, a browser or an executor: burns nothing, and the worker pauses.
    case worker
    /// Can never run: script missing, invalid or outside the root.
    case unrunnable
    /// Executor and runtime are of different versions: stops the worker.
    case versionMismatch = "version_mismatch"
  }
}

/// What the fleet and its notifications tell of a run.
package struct RunFigures: Sendable, Equatable {
  package var outcome: Outcome?
  package var eventCount: Int
  package var itemCount: Int
  /// `enqueue` events that named no work.
  package var enqueuesRejected: Int
  package var durationMilliseconds: Int64
  /// `file://…` or `s3://…` of the run's partition.
  package var storagePath: String
  package var day: String
  /// What the run learned of the hosts that it visited.
  package var hosts: [HostNote] = []

  package init(
    outcome: Outcome?, eventCount: Int = 0, itemCount: Int = 0, enqueuesRejected: Int = 0,
    durationMilliseconds: Int64 = 0,
    storagePath: String = "", day: String = ""
  ) {
    self.outcome = outcome
    self.eventCount = eventCount
    self.itemCount = itemCount
    self.enqueuesRejected = enqueuesRejected
    self.durationMilliseconds = durationMilliseconds
    self.storagePath = storagePath
    self.day = day
  }
}

/// Runs one task to its end. The fleet calls it, the assembly answers it with a run of the runtime.
package protocol TaskHandler: Sendable {
  func run(_ task: TaskAssignment, derived: any DerivedWorkSink, control: RunControl) async -> TaskResult
}

/// The reins of a run in progress: whoever supervises it may stop it or push its deadline forward at any time,
/// from any thread; the run loop is woken and acts.
package final class RunControl: Sendable {
  package enum StopReason: String, Sendable {
    /// Ctrl-C, SIGTERM: the policy is flushed and the run ends as `executor_crash`.
    case shutdown
    case timeout
    /// The lease is gone: another worker may run the task, nothing more may be written.
    case leaseLost = "lease_lost"
    case cancelled
  }

  private struct State {
    var stop: StopReason?
    var deadline: UInt64?
    var hasStarted = false
    var wake: (@Sendable () -> Void)?
    var onExtend: (@Sendable (UInt64) -> Void)?
    var onStop: (@Sendable (StopReason) -> Void)?
  }
  private let state = Mutex(State())
  private let onStarted: @Sendable () -> Void

  /// - Parameters:
  ///   - deadline: when the shepherd kills the executor's whole tree by itself, in nanoseconds of the boot-time
  ///     clock (`CLOCK_BOOTTIME`); nil for never.
  ///   - onStarted: called once, on the run's thread, at the executor's first frame.
  package init(deadline: UInt64? = nil, onStarted: @escaping @Sendable () -> Void = {}) {
    self.onStarted = onStarted
    state.withLock { $0.deadline = deadline }
  }

  /// The first reason is the run's; whoever carries it out hears of each.
  package func stop(_ reason: StopReason) {
    let (wake, onStop) = state.withLock { state in
      state.stop = state.stop ?? reason
      return (state.wake, state.onStop)
    }
    onStop?(reason)
    wake?()
  }

  /// For whoever carries the run out: `body` is called at each order to stop, from any thread; at once, with the first
  /// reason, when there was one before. A process that ends may order that of a run which is being stopped already.
  package func whenStopped(_ body: @escaping @Sendable (StopReason) -> Void) {
    let stopped = state.withLock { state in
      state.onStop = body
      return state.stop
    }
    if let stopped { body(stopped) }
  }

  /// Moves the deadline; an earlier one than the current is ignored.
  package func extend(to deadline: UInt64) {
    let wake = state.withLock { state -> (@Sendable () -> Void)? in
      guard let current = state.deadline, deadline > current else { return nil }
      state.deadline = deadline
      state.onExtend?(deadline)
      return state.wake
    }
    wake?()
  }

  package var stopReason: StopReason? { state.withLock { $0.stop } }
  package var deadline: UInt64? { state.withLock { $0.deadline } }

  /// For the run loop: `wake` is called, from any thread, whenever there is something new to read here.
  /// - Parameter onExtend: told the deadline, and at once each that it is moved to, from any thread: the loop's own may be
  ///   waiting for storage. Must not call back.
  package func attach(wake: @escaping @Sendable () -> Void, onExtend: @escaping @Sendable (UInt64) -> Void = { _ in }) {
    state.withLock { state in
      (state.wake, state.onExtend) = (wake, onExtend)
      if let deadline = state.deadline { onExtend(deadline) }
    }
  }

  package func detach() {
    state.withLock { ($0.wake, $0.onExtend) = (nil, nil) }
  }

  /// For the run loop: the executor's first frame has arrived.
  package func markStarted() {
    let isFirst = state.withLock { state in
      defer { state.hasStarted = true }
      return !state.hasStarted
    }
    if isFirst { onStarted() }
  }
}

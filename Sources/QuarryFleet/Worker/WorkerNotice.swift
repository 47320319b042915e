import QuarryCore

/// What a worker tells the person or the log that watches it; rendering is the command's.
package enum WorkerNotice: Sendable, Equatable {
  case up(workerID: String, fleet: String, slots: Int)
  case runStarted(TaskAssignment)
  /// The task is done and this run counts.
  case runAccepted(TaskAssignment, RunFigures)
  /// The run was reported as failed; `then` is the task's next state as the queue answered it.
  case runFailed(TaskAssignment, TaskResult.FailureKind, reason: String, then: String)
  /// The run no longer counts: another worker may have its task, or the task was cancelled.
  case runSuperseded(TaskAssignment, reason: String)
  /// Redis answers and refuses this run's start or end, also by itself: something of the run may not be what it should be
  /// there.
  case reportRefused(TaskAssignment, reason: String)
  /// This worker is given no task of the job, since it would not run what the job means.
  case jobRefused(jobID: String, reason: String)
  case jobTakenBack(jobID: String)
  /// Nil when it is over.
  case redis(RedisTrouble?)
  /// Nothing is claimed for a while, because storage refused (`storage`), this worker lacks what runs need (`worker`), or
  /// its executors crash one after another (`crash`).
  case paused(TaskResult.FailureKind, reason: String, Duration)
  /// A run got through, so claims go on.
  case pauseLifted
  /// The process holds more bytes than it may: it claims nothing more until it holds less.
  case memoryFull(Int)
  case memoryFreed
  /// Somebody paused the fleet or this worker.
  case held
  case holdLifted
  /// Somebody told this worker to leave.
  case dismissed
  case draining(held: Int, Duration)
  /// The drain's time is over; what still runs is stopped and released.
  case releasing(held: Int)
  /// The process ends although Redis or storage has not answered.
  case abandoning(held: Int, unsettled: Int)
  case publishing(PublishChange)
  /// What dead processes left to record cannot be written now.
  case leftoversRefused(String)
  /// Redis was not told that this worker leaves; the fleet notices by itself.
  case notSignedOff(String)
  case generationLost(String)
  case down(workerID: String)
}

extension WorkerNotice: CustomStringConvertible {
  package var description: String {
    switch self {
    case .up(let id, let fleet, let slots):
      "worker \(id) serves fleet '\(fleet)' with \(slots) slot\(slots == 1 ? "" : "s")"
    case .runStarted(let task):
      "run \(task.runID) of \(task.target) started (task \(task.taskID), attempt \(task.attempt))"
    case .runAccepted(let task, let figures):
      "run \(task.runID) of \(task.target) done in \(figures.durationMilliseconds) ms, \(figures.itemCount) items"
    case .runFailed(let task, let kind, let reason, let next):
      "run \(task.runID) of \(task.target) failed (\(kind.rawValue)), task is \(next): \(reason)"
    case .runSuperseded(let task, let reason): "run \(task.runID) of \(task.target) no longer counts: \(reason)"
    case .reportRefused(let task, let reason):
      "Redis refuses the report of run \(task.runID) of \(task.target) (task \(task.taskID)), trying on: \(reason)"
    case .jobRefused(let jobID, let reason): "taking no task of job \(jobID): \(reason)"
    case .jobTakenBack(let jobID): "taking tasks of job \(jobID) again: its scripts are the same now"
    case .redis(let trouble): RedisTrouble.text(trouble)
    case .paused(let cause, let reason, let pause):
      "claiming nothing for \(pause.milliseconds) ms, \(Self.text(cause)): \(reason)"
    case .memoryFull(let bytes): "claiming nothing: this process holds \(bytes >> 20) MiB, more than its --max-rss"
    case .memoryFreed: "claiming again: this process holds less than its --max-rss"
    case .pauseLifted: "claiming again"
    case .held: "paused: handed nothing until `quarry resume`"
    case .holdLifted: "resumed"
    case .dismissed: "told to leave by `quarry drain`"
    case .draining(let held, let timeout):
      "stopping: \(Self.runs(held)) may end within \(timeout.milliseconds / 1_000) s"
    case .releasing(let held): "stopping \(Self.runs(held)); what they worked on goes back to the queue"
    case .abandoning(let held, let unsettled):
      "ending without an answer: \(Self.runs(held)) not given back (leases end by themselves), \(unsettled) ends left for others to record"
    case .publishing(let change): change.description
    case .leftoversRefused(let message): "ends that others left cannot be recorded, trying on: \(message)"
    case .notSignedOff(let message): "left without telling the fleet, which notices by itself: \(message)"
    case .generationLost(let message): "stopping: \(message)"
    case .down(let id): "worker \(id) has left"
    }
  }

  private static func runs(_ count: Int) -> String { "\(count) run\(count == 1 ? "" : "s")" }

  private static func text(_ cause: TaskResult.FailureKind) -> String {
    switch cause {
    case .storage: "storage refused"
    case .crash: "executors crash one after another"
    default: "this worker cannot run anything"
    }
  }
}

import QuarryCore
import QuarryFleet

// What the fleet's notices are about, and how grave they are, for structured logs.

extension LogSubject {
  init(_ task: TaskAssignment) { self.init(jobID: task.jobID, taskID: task.taskID, runID: task.runID) }
}

extension WorkerNotice {
  var subject: LogSubject {
    switch self {
    case .runStarted(let task), .runAccepted(let task, _), .runFailed(let task, _, _, _), .runSuperseded(let task, _),
      .reportRefused(let task, _):
      LogSubject(task)
    case .jobRefused(let jobID, _), .jobTakenBack(let jobID): LogSubject(jobID: jobID)
    default: LogSubject()
    }
  }

  var level: LogLevel {
    switch self {
    case .runFailed, .reportRefused, .jobRefused, .redis(_?), .paused, .memoryFull, .abandoning, .leftoversRefused,
      .notSignedOff:
      .warning
    case .generationLost: .error
    default: .info
    }
  }
}

extension CoordinatorNotice {
  var subject: LogSubject {
    switch self {
    case .submitted(let jobID, _), .known(let jobID, _, _), .resumed(let jobID, _), .rebuilt(let jobID, _, _, _),
      .notRebuilt(let jobID, _), .jobMissing(let jobID), .jobFinished(let jobID), .storageAwaited(_, let jobID):
      LogSubject(jobID: jobID)
    default: LogSubject()
    }
  }

  var level: LogLevel {
    switch self {
    case .submissionRejected, .submissionWaits, .jobMissing, .keyReplaced, .noEligibleWorker, .workersUnwell,
      .redis(_?), .ledgerRefused, .storageAwaited, .termKept:
      .warning
    default: .info
    }
  }
}

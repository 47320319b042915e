import QuarryCore

/// A job's counters as one small read of Redis answers them; cumulative where not said otherwise.
package struct JobStatus: Sendable, Equatable {
  /// Tasks ever admitted, the root included.
  package var admitted = 0
  package var done = 0
  package var dead = 0
  package var cancelled = 0
  /// Failures after which a task was given another try.
  package var retried = 0
  /// Now waiting for a worker.
  package var ready = 0
  /// Now waiting for their time.
  package var scheduled = 0
  /// Now at a worker.
  package var leased = 0
  /// Emitted and not yet admitted, now.
  package var outbox = 0
  /// Final and not yet in the ledger, now.
  package var unsettled = 0
  /// Accepted and not yet notified, now.
  package var unpublished = 0
  package var duplicates = 0
  package var cutByDepth = 0
  package var cutByMaxRuns = 0
  package var cutByHostPages = 0
  /// `enqueue` events of accepted runs that named no work.
  package var enqueuesRejected = 0
  /// When its next task is due, if all that is left of the job waits for its time.
  package var nextDue: Timestamp?
  package var rootState = ""
  /// What somebody told the job.
  package var hold: JobHold?
  /// Nothing of any job is handed out.
  package var isFleetPaused = false
  /// Dead tasks that were made ready again.
  package var requeued = 0
  /// Derived work that nobody will run, since the job was cancelled.
  package var discarded = 0
  /// True exactly when nothing of the job is left anywhere.
  package var isFinished = false
  /// Live workers, and those of them that may run this job's tasks.
  package var workers = 0
  package var eligibleWorkers = 0

  package init() {}

  /// Somebody wants nothing of it to be handed out.
  var isServedNothing: Bool { isFleetPaused || hold == .pause || hold == .cancel }

  var ended: Int { done + dead + cancelled }

  /// Tasks that still have to end, as far as they are known.
  package var remaining: Int { ready + scheduled + leased + outbox }
}

/// A task that ended dead, for the summary.
package struct Death: Sendable, Equatable {
  package var taskID: String
  package var target: String
  /// The failure's kind, for example `app`.
  package var kind: String
  package var error: String

  package init(taskID: String, target: String, kind: String, error: String) {
    self.taskID = taskID
    self.target = target
    self.kind = kind
    self.error = error
  }
}

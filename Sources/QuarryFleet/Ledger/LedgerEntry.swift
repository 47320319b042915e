import QuarryCore

/// One line of a job's ledger: what must outlive Redis, so that readers and a rebuild need nothing else.
package enum LedgerEntry: Sendable, Equatable {
  /// Written before the job's root can be claimed.
  case job(JobRecord)
  /// Says which run of a task counts; written after `complete`, before the notification is sent.
  case accepted(AcceptedRecord)
  /// The task's budgets are spent, or it can never run.
  case dead(EndedTaskRecord)
  case cancelled(EndedTaskRecord)
  /// A dead task was made ready again; what its older records say no longer holds.
  case requeued(taskID: String)

  /// The value of the line's `kind`.
  package var kind: String {
    switch self {
    case .job: "job"
    case .accepted: "accepted"
    case .dead: "dead"
    case .cancelled: "cancelled"
    case .requeued: "requeued"
    }
  }

  /// The task that the line is about; nil for `job`.
  package var taskID: String? {
    switch self {
    case .job: nil
    case .accepted(let record): record.taskID
    case .dead(let record), .cancelled(let record): record.taskID
    case .requeued(let taskID): taskID
    }
  }
}

/// What was asked for, and under which limits.
package struct JobRecord: Sendable, Equatable {
  package var root: WorkRecord
  package var rootTaskID: String
  /// Greatest distance from the root at which derived work is admitted.
  package var depth: Int
  /// Most tasks that are ever admitted, the root included; nil for no limit.
  package var maxRuns: Int?
  package var policy: String
  package var storage: StorageIdentity
  /// SHA-256 in hex of each script that is known at submission, by target.
  package var scripts: [String: String]

  package init(
    root: WorkRecord, rootTaskID: String, depth: Int, maxRuns: Int?, policy: String, storage: StorageIdentity,
    scripts: [String: String]
  ) {
    self.root = root
    self.rootTaskID = rootTaskID
    self.depth = depth
    self.maxRuns = maxRuns
    self.policy = policy
    self.storage = storage
    self.scripts = scripts
  }
}

/// Which dataset a job's records go to. A worker that writes elsewhere must not run its tasks.
package struct StorageIdentity: Sendable, Equatable {
  /// `fs` or `s3`.
  package var backend: String
  package var dataset: String
  /// A random id kept in the dataset itself, so that two folders of one name are told apart.
  package var id: String

  package init(backend: String, dataset: String, id: String) {
    self.backend = backend
    self.dataset = dataset
    self.id = id
  }

  /// One word for the queue: equal if and only if the identities are.
  package var text: String { "\(backend):\(dataset):\(id)" }
}

/// A piece of work as it was emitted or submitted.
package struct WorkRecord: Sendable, Equatable {
  /// Place in the order of the run's emissions; absent for a root.
  package var index: Int?
  package var target: String
  /// A JSON object, as text.
  package var params: String
  package var source: String?
  package var category: String?
  package var options: DerivedWork.Options

  package init(
    index: Int? = nil, target: String, params: String, source: String? = nil, category: String? = nil,
    options: DerivedWork.Options = .init()
  ) {
    self.index = index
    self.target = target
    self.params = params
    self.source = source
    self.category = category
    self.options = options
  }
}

package struct AcceptedRecord: Sendable, Equatable {
  package var taskID: String
  package var runID: String
  package var epoch: Int64
  package var attempt: Int
  package var depth: Int
  package var work: WorkRecord
  package var parentTaskID: String?
  package var originRunID: String?
  package var figures: RunFigures
  package var children: [WorkRecord]

  package init(
    taskID: String, runID: String, epoch: Int64, attempt: Int, depth: Int, work: WorkRecord, parentTaskID: String?,
    originRunID: String?, figures: RunFigures, children: [WorkRecord]
  ) {
    self.taskID = taskID
    self.runID = runID
    self.epoch = epoch
    self.attempt = attempt
    self.depth = depth
    self.work = work
    self.parentTaskID = parentTaskID
    self.originRunID = originRunID
    self.figures = figures
    self.children = children
  }
}

/// A task that ended without a result.
package struct EndedTaskRecord: Sendable, Equatable {
  package var taskID: String
  package var epoch: Int64
  package var attempt: Int
  package var depth: Int
  package var work: WorkRecord
  package var parentTaskID: String?
  package var originRunID: String?
  /// The failure's kind, for example `app` or `unrunnable`.
  package var failure: String
  /// At most 4 KiB.
  package var reason: String

  package init(
    taskID: String, epoch: Int64, attempt: Int, depth: Int, work: WorkRecord, parentTaskID: String?,
    originRunID: String?, failure: String, reason: String
  ) {
    self.taskID = taskID
    self.epoch = epoch
    self.attempt = attempt
    self.depth = depth
    self.work = work
    self.parentTaskID = parentTaskID
    self.originRunID = originRunID
    self.failure = failure
    self.reason = reason
  }
}

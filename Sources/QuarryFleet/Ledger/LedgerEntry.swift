import QuarryCore

/// One line of a job's ledger: what must outlive Redis, so that readers and a rebuild need nothing else.
package enum LedgerEntry: Sendable, Equatable {
  /// Written before the job's root can be claimed.
  case job(JobRecord)
  /// A part of what an accepted run derived, when that is too much for one line; written before its `accepted`.
  case children(ChildrenRecord)
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
    case .children: "children"
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
    case .children(let record): record.taskID
    case .accepted(let record): record.task.taskID
    case .dead(let record), .cancelled(let record): record.task.taskID
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
  package var politeness = Politeness()
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
  /// Most bytes of a piece of work in its ledger line; more could not be stored with what else the line says.
  package static let limit = 8 << 20

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

  init(_ work: DerivedWork) {
    self.init(
      index: work.index, target: work.target, params: work.params, source: work.source, category: work.category,
      options: work.options)
  }

  /// - Throws: `QuarryError(.usage)` for parameters that are no JSON object, and for more than a ledger line can hold.
  func check() throws(QuarryError) {
    _ = try FleetQueue.canonical(params)
    let size = LedgerLine.size(of: self)
    guard size <= Self.limit else {
      throw QuarryError(
        .usage, "work for '\(target.prefix(200))' takes \(size) bytes; the limit is \(Self.limit)",
        remedy: "store large data with storage.put and give its name in the parameters")
    }
  }
}

/// A task as its final records name it.
package struct TaskRecord: Sendable, Equatable {
  package var taskID: String
  package var epoch: Int64
  package var attempt: Int
  package var depth: Int
  package var work: WorkRecord
  package var parentTaskID: String?
  package var originRunID: String?
  /// In hex: what makes another piece of work the same; a rebuild goes by it.
  package var fingerprint: String?

  package init(
    taskID: String, epoch: Int64, attempt: Int, depth: Int, work: WorkRecord, parentTaskID: String? = nil,
    originRunID: String? = nil, fingerprint: String? = nil
  ) {
    self.fingerprint = fingerprint
    self.taskID = taskID
    self.epoch = epoch
    self.attempt = attempt
    self.depth = depth
    self.work = work
    self.parentTaskID = parentTaskID
    self.originRunID = originRunID
  }
}

/// Which run of a task counts, and what it derived.
package struct AcceptedRecord: Sendable, Equatable {
  package var task: TaskRecord
  package var runID: String
  package var figures: RunFigures
  /// In the order of emission. In a line that was read, empty when they are in lines of their own.
  package var children: [WorkRecord]
  /// How many `children` lines hold them; 0: the line itself does.
  package var childParts = 0

  package init(task: TaskRecord, runID: String, figures: RunFigures, children: [WorkRecord]) {
    self.task = task
    self.runID = runID
    self.figures = figures
    self.children = children
  }
}

package struct ChildrenRecord: Sendable, Equatable {
  package var taskID: String
  package var runID: String
  /// From 0.
  package var part: Int
  package var children: [WorkRecord]
}

/// A task that ended without a result.
package struct EndedTaskRecord: Sendable, Equatable {
  package var task: TaskRecord
  /// The failure's kind, for example `app` or `unrunnable`.
  package var failure: String
  /// At most 4 KiB.
  package var reason: String

  package init(task: TaskRecord, failure: String, reason: String) {
    self.task = task
    self.failure = failure
    self.reason = reason
  }
}

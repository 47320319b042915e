import QuarryCore

/// What a run has come to, by what is stored.
package enum RunState: String, Sendable, CaseIterable {
  /// Neither a terminal event nor metrics are stored, and nothing says that its writer died.
  case running
  case succeeded
  case failed
  /// Without an end, and its writer died: see `Liveness`.
  case lost
}

/// One run, from its paths and a few lines. What is not stored is nil.
package struct RunSummary: Sendable, Equatable {
  package let path: RunPath
  package var state: RunState = .running
  /// Time of its first stored event; nil while there is none, and where that bears no time that is one.
  package var startedAt: Timestamp?
  /// Time of its terminal event, or of its metrics when it had none.
  package var endedAt: Timestamp?
  package var jobID: String?
  package var attempt: Int64?
  package var parentRunID: String?
  package var depth: Int64?
  package var policy: String?
  package var taskID: String?
  package var epoch: Int64?
  package var originRunID: String?
  /// The snapshot that its first records came with; orders runs by age.
  package var firstSnapshot: SnapshotID
  /// The newest snapshot that holds records of it.
  package var lastSnapshot: SnapshotID

  package var runID: String { path.runID }
  package var source: String { path.source }
  package var category: String { path.category }
  package var day: String { path.day }

  init(path: RunPath, firstSnapshot: SnapshotID) {
    self.path = path
    self.firstSnapshot = firstSnapshot
    lastSnapshot = firstSnapshot
  }

  /// By when its first records came to storage: the order of every list of runs, and of its limit.
  func isNewer(than other: RunSummary) -> Bool {
    firstSnapshot == other.firstSnapshot ? path.comesFirst(before: other.path) : firstSnapshot > other.firstSnapshot
  }
}

/// Which runs to read; nil lets all through.
package struct RunFilter: Sendable, Equatable {
  package var state: RunState?
  /// The ledgers' own source is read only when it is named.
  package var source: String?
  package var category: String?
  package var day: String?
  /// Only runs that began then or later.
  package var since: Timestamp?
  package var runID: String?
  package var jobID: String?
  /// Only runs that a ledger names as the result of a task.
  package var isAcceptedOnly: Bool
  /// How runs without an end are told apart.
  package var liveness = Liveness()

  package init(
    state: RunState? = nil, source: String? = nil, category: String? = nil, day: String? = nil,
    since: Timestamp? = nil, runID: String? = nil, jobID: String? = nil, isAcceptedOnly: Bool = false
  ) {
    self.state = state
    self.source = source
    self.category = category
    self.day = day
    self.since = since
    self.runID = runID
    self.jobID = jobID
    self.isAcceptedOnly = isAcceptedOnly
  }

  /// As far as the path tells.
  func accepts(_ path: RunPath) -> Bool {
    (source.map { $0 == path.source } ?? (path.source != LodeLedger.source))
      && category.map { $0 == path.category } ?? true && day.map { $0 == path.day } ?? true
      && runID.map { $0 == path.runID } ?? true
  }

  func accepts(_ run: RunSummary) -> Bool { state.map { $0 == run.state } ?? true && acceptsBeginning(of: run) }

  /// As far as the run's first records tell.
  func acceptsBeginning(of run: RunSummary) -> Bool {
    jobID.map { $0 == run.jobID } ?? true && since.map { since in run.startedAt.map { $0 >= since } ?? false } ?? true
  }
}

/// How many runs there are of each state.
package struct RunCounts: Sendable, Equatable {
  private var byState: [RunState: Int] = [:]
  /// A sentence for each thing that could not be read, with its path.
  package var warnings: [String] = []

  package init() {}

  package var total: Int { byState.values.reduce(0, +) }
  package subscript(state: RunState) -> Int { byState[state] ?? 0 }

  package mutating func add(_ run: RunSummary) { add(run.state) }
  mutating func add(_ state: RunState) { byState[state, default: 0] += 1 }
}

/// What a query found, and what it had to pass over.
package struct Listing<Row: Sendable & Equatable>: Sendable, Equatable {
  package var rows: [Row]
  /// A sentence for each thing that could not be read, with its path.
  package var warnings: [String]

  package init(rows: [Row], warnings: [String]) {
    self.rows = rows
    self.warnings = warnings
  }
}

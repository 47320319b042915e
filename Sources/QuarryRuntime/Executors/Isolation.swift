/// What keeps the runs apart that executors of one pool serve.
package enum Isolation: String, Sendable, CaseIterable {
  /// A process for each run, started ahead.
  case process
  /// A process serves many runs in turn; each imports its script anew.
  case module
  /// A process serves many runs in turn, and imports a script once.
  case none
}

/// When an executor that served runs well is replaced all the same.
package struct RecyclingLimits: Sendable, Equatable {
  package var runs: Int
  /// Resident memory between two runs, in bytes.
  package var memory: Int

  package init(runs: Int = 200, memory: Int = 512 << 20) {
    self.runs = runs
    self.memory = memory
  }
}

import QuarryCore
import QuarryLode

/// What a job's ledger says of its runs.
struct LedgerVerdict {
  /// The run that counts, by its task.
  private let acceptedRuns: [String: String]
  private let ended: [EndedTask]

  init(_ ended: [EndedTask]) {
    self.ended = ended
    acceptedRuns = Dictionary(
      ended.compactMap { task in task.runID.map { (task.taskID, $0) } }, uniquingKeysWith: { first, _ in first })
  }

  /// Ids of the runs that count, in the order of acceptance.
  var accepted: [Output] { ended.compactMap { $0.runID.map { .value(.string($0)) } } }

  /// Tasks that were given up, with the reason.
  var dead: [Output] {
    ended.filter { $0.state == .dead }.map { task in
      .record([
        ("task_id", .string(task.taskID)), ("target", .optional(task.target)), ("depth", .optional(task.depth)),
        ("attempt", .optional(task.attempt)), ("error", .optional(task.error)), ("ended_at", .time(task.endedAt)),
      ])
    }
  }

  /// Runs in whose place another one of the same task counts, however they ended themselves; the oldest first.
  func superseded(among runs: [RunSummary]) -> [Output] {
    runs.reversed().compactMap { run in
      guard let task = run.taskID, let counting = acceptedRuns[task], counting != run.runID else { return nil }
      return .record([
        ("run_id", .string(run.runID)), ("state", .string(run.state.rawValue)), ("attempt", .optional(run.attempt)),
        ("task_id", .string(task)), ("accepted_run_id", .string(counting)),
      ])
    }
  }

  /// Nil for a run of no task.
  func isAccepted(_ run: RunSummary) -> Bool? { run.taskID.map { acceptedRuns[$0] == run.runID } }
}

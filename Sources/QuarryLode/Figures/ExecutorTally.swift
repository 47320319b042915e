import QuarryCore

/// What the metrics of runs say of one executor: the program, by the base name of its path.
package struct ExecutorFigures: Sendable, Equatable {
  package let executor: String
  package private(set) var runs: Int64 = 0
  package private(set) var crashes: Int64 = 0
  /// Runs for which it could not be started.
  package private(set) var launchFailures: Int64 = 0
  package private(set) var decodeErrors: Int64 = 0
  /// When the last of its runs ended.
  package private(set) var lastSeenAt: Timestamp?
  /// That run's id.
  package private(set) var lastRunID: String?
  /// That run crashed it, or could not start it.
  package private(set) var hasFailed = false

  init(executor: String) { self.executor = executor }

  mutating func add(_ record: JSONValue, runID: String) {
    let crashed = record["executor_crash_total"]?.integer ?? 0
    let unlaunched = record["executor_launch_failure_total"]?.integer ?? 0
    runs += 1
    crashes = crashes &+| crashed
    launchFailures = launchFailures &+| unlaunched
    decodeErrors = decodeErrors &+| (record["ipc_decode_errors_total"]?.integer ?? 0)
    let time = record["ts"]?.string.flatMap { Timestamp($0) }
    // Times are whole seconds; of one second the greater id is taken, so that the order of reading does not matter.
    let isLater = (time?.nanoseconds ?? .min, runID) >= (lastSeenAt?.nanoseconds ?? .min, lastRunID ?? "")
    guard isLater else { return }
    (lastSeenAt, lastRunID, hasFailed) = (time ?? lastSeenAt, runID, crashed > 0 || unlaunched > 0)
  }
}

/// The executors that metrics name.
package struct ExecutorTally: Sendable {
  private var executors: [String: ExecutorFigures] = [:]

  package init() {}

  package mutating func add(_ record: JSONValue, runID: String) {
    guard let executor = record["executor"]?.string else { return }
    executors[executor, default: ExecutorFigures(executor: executor)].add(record, runID: runID)
  }

  /// The one that was seen last first.
  package var newestFirst: [ExecutorFigures] {
    executors.values.sorted { left, right in
      let times = [left, right].map { $0.lastSeenAt?.nanoseconds ?? .min }
      return times[0] == times[1] ? left.executor < right.executor : times[0] > times[1]
    }
  }
}

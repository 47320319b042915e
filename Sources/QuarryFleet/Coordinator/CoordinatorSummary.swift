import QuarryCore

/// What came of a job.
package struct CoordinatorSummary: Sendable, Equatable {
  /// Dead tasks of one error.
  package struct DeathGroup: Sendable, Equatable {
    package var kind: String
    package var error: String
    package var count: Int
    /// One of the tasks, to inspect.
    package var exampleTaskID: String
    package var exampleTarget: String
  }

  package var jobID: String
  package var status: JobStatus
  package var elapsed: Duration
  /// Tasks done a second while this coordinator watched the job; nil when it saw it only as it was at last.
  package var perSecond: Double?
  /// Most frequent first.
  package var deaths: [DeathGroup]
  package var allowedDead: Int
  /// Ctrl-C: the coordinator left before the job was finished; workers go on with what was admitted.
  package var isInterrupted: Bool
  /// Nothing more is admitted until somebody resumes the job.
  package var isHeld: Bool

  package var rootSucceeded: Bool { status.rootState == "done" }

  /// 0 when the job is finished and was not cancelled, its root succeeded and no more tasks are dead than allowed; else 1.
  package var exitCode: Int32 {
    !isInterrupted && status.hold != .cancel && rootSucceeded && status.dead <= allowedDead ? 0 : 1
  }

  /// Groups deaths by kind and the error's first line.
  static func group(_ deaths: [Death]) -> [DeathGroup] {
    var groups: [String: DeathGroup] = [:]
    for death in deaths {
      let error = String(death.error.prefix { !$0.isNewline })
      groups[
        "\(death.kind) \(error)",
        default: DeathGroup(
          kind: death.kind, error: error, count: 0, exampleTaskID: death.taskID, exampleTarget: death.target)
      ].count += 1
    }
    return groups.values.sorted { ($1.count, $0.error, $0.kind) < ($0.count, $1.error, $1.kind) }
  }
}

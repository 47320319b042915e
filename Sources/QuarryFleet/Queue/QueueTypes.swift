import QuarryCore

/// A worker as the fleet knows it.
package struct WorkerPresence: Sendable, Equatable {
  package var workerID: String
  /// Name of its machine.
  package var host: String
  package var pid: Int32
  package var version: String
  package var slots: Int
  package var storage: StorageIdentity
  package var startedAt: Timestamp

  package init(
    workerID: String, host: String, pid: Int32, version: String = Version.current, slots: Int, storage: StorageIdentity,
    startedAt: Timestamp
  ) {
    self.workerID = workerID
    self.host = host
    self.pid = pid
    self.version = version
    self.slots = slots
    self.storage = storage
    self.startedAt = startedAt
  }
}

package enum StartAnswer: Sendable, Equatable {
  case started
  /// `stale`, `cancelled`, `ended` or `gone`.
  case refused(String)
}

/// A run that is to be its task's result.
package struct RunCompletion: Sendable, Equatable {
  package var task: TaskAssignment
  package var figures: RunFigures
  /// How many pieces of work the run derived; refused when Redis holds another number. nil: not checked.
  package var emitted: Int?
  /// The `run_completed` JSON that is sent once the ledger has the run; empty for none.
  package var notification: String
  /// Also leases a next task.
  package var claimsNext: Bool

  package init(
    task: TaskAssignment, figures: RunFigures, emitted: Int? = nil, notification: String = "", claimsNext: Bool = false
  ) {
    self.task = task
    self.figures = figures
    self.emitted = emitted
    self.notification = notification
    self.claimsNext = claimsNext
  }
}

package enum EmitAnswer: Sendable, Equatable {
  case taken
  /// The outbox holds 10,000 entries: wait a little and send the same again.
  case full
  /// The run may derive no more work: `stale`, `cancelled`, `ended`, `gone`, or `gap` when an index was left out.
  case refused(String)
}

package struct ReapAnswer: Sendable, Equatable {
  /// Leases taken back; 0 when there are none or another leads.
  package var taken: Int
  /// Until the next lease is over, unless it is renewed, or zero while tasks of lost lists are looked for; nil for neither.
  package var untilNextTick: Duration?

  package init(taken: Int, untilNextTick: Duration? = nil) {
    self.taken = taken
    self.untilNextTick = untilNextTick
  }
}

package enum TermAnswer: Sendable, Equatable {
  /// The number grows with each term; transitions of an ended term are refused.
  case leading(Int64)
  case other(String)
}

/// A `run_completed` message whose run is in the ledger.
package struct Notification: Sendable, Equatable {
  package var id: String
  package var jobID: String
  package var json: String

  package init(id: String, jobID: String, json: String) {
    self.id = id
    self.jobID = jobID
    self.json = json
  }
}

/// One entry of the fleet's event stream.
package struct FleetEvent: Sendable, Equatable {
  /// Reading goes on after it.
  package var id: String
  /// For example `run_completed`, `task_dead`, `job_finished`.
  package var type: String
  package var fields: [String: String]

  /// All that scripts write.
  package static let types = [
    "job_submitted", "admitted", "run_started", "run_completed", "run_superseded", "task_retry", "task_dead",
    "task_cancelled", "task_requeued", "job_finished", "job_reopened", "job_rebuilt", "job_missing", "key_replaced",
    "control", "worker_up", "worker_down",
  ]

  /// By the clock of Redis.
  package var at: Timestamp? { fields["at"].flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) } }
  package var jobID: String? { fields["job"] }
  package var taskID: String? { fields["task"] }
  package var runID: String? { fields["run"] }
  package var workerID: String? { fields["worker"] }

  /// Whether a text is `ms-n`, as ids of a stream are, or `ms` alone.
  package static func isID(_ text: String) -> Bool { parts(of: text) != nil }

  package static func isID(_ left: String, before right: String) -> Bool {
    guard let left = parts(of: left), let right = parts(of: right) else { return false }
    return left < right
  }

  /// Whether it stands for the oldest event there is.
  package static func isBeginning(_ id: String) -> Bool { parts(of: id).map { $0 == (0, 0) } ?? false }

  private static func parts(of id: String) -> (UInt64, UInt64)? {
    let parts = id.split(separator: "-", omittingEmptySubsequences: false).map { UInt64($0) }
    guard (1...2).contains(parts.count), let time = parts[0], let number = parts.count > 1 ? parts[1] : 0 else {
      return nil
    }
    return (time, number)
  }
}

/// A job with its root, ready to enter the fleet.
package struct JobSubmission: Sendable, Equatable {
  package var jobID: String
  package var rootTaskID: String
  package var request: JobRequest
  /// The root's script, relative to the script root.
  package var target: String
  /// SHA-256 in hex of each script known at submission, by target.
  package var scripts: [String: String]
  /// The line of the submissions list that it came from; leaves the list in the same step.
  package var line: String?

  package init(
    jobID: String, rootTaskID: String, request: JobRequest, target: String, scripts: [String: String] = [:],
    line: String? = nil
  ) {
    self.jobID = jobID
    self.rootTaskID = rootTaskID
    self.request = request
    self.target = target
    self.scripts = scripts
    self.line = line
  }
}

/// How long final tasks of finished jobs are kept in Redis; whichever bound is reached first lets them go.
package struct Retention: Sendable, Equatable {
  package var doneAge = Duration.seconds(86_400)
  package var doneCount = 100_000
  package var deadAge = Duration.seconds(30 * 86_400)
  package var deadCount = 10_000

  package init() {}
}

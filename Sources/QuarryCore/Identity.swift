/// Which run this is, and where it comes from: job → run → retry run.
package struct RunIdentity: Sendable, Hashable {
  /// Unique for all time; UUIDv7 where Quarry makes it.
  package var runID: String
  /// 1 for the first run of a piece of work; above 1 `parentRunID` names the run that is retried.
  package var attempt: Int
  package var jobID: String?
  /// The run that is retried (`attempt` > 1), or the run whose `enqueue` this one comes from (`depth` ≥ 1).
  package var parentRunID: String?
  /// Distance from the root in a fan-out; absent for a root run.
  package var depth: Int?
  /// Set for runs of a fleet.
  package var task: TaskLineage?

  package init(
    runID: String, attempt: Int = 1, jobID: String? = nil, parentRunID: String? = nil, depth: Int? = nil,
    task: TaskLineage? = nil
  ) {
    self.runID = runID
    self.attempt = attempt
    self.jobID = jobID
    self.parentRunID = parentRunID
    self.depth = depth
    self.task = task
  }
}

/// What ties a run of a fleet to its task; carried by every record of the run.
package struct TaskLineage: Sendable, Hashable {
  package var taskID: String
  /// Grows with every claim of the task, in milliseconds of Redis' clock or above.
  package var epoch: Int64
  /// The run whose `enqueue` made the task; absent for a job's root.
  package var originRunID: String?

  package init(taskID: String, epoch: Int64, originRunID: String? = nil) {
    self.taskID = taskID
    self.epoch = epoch
    self.originRunID = originRunID
  }
}

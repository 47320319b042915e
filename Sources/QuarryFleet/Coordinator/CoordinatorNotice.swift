import QuarryCore

/// What a coordinator tells besides its progress; rendering is the command's.
package enum CoordinatorNotice: Sendable, Equatable {
  case submitted(jobID: String, fleet: String)
  /// The job was there already; `ignored` names what it was asked for otherwise this time.
  case known(jobID: String, fleet: String, ignored: [String])
  /// All that is left of the job waits for its time.
  case waiting(tasks: Int, until: Timestamp)
  case leading(term: Int64)
  /// Another coordinator leads the fleet; this one follows its job and takes over when the other is gone.
  case following(leader: String)
  /// Nobody can run the job's tasks.
  case noEligibleWorker(workers: Int)
  case redisUnreachable(String)
  case redisBack
  /// Records of final tasks cannot be written now.
  case ledgerRefused(String)
  case publishing(PublishChange)
  /// Redis was not told that this coordinator leads no more.
  case termKept(String)
}

extension CoordinatorNotice: CustomStringConvertible {
  package var description: String {
    switch self {
    case .submitted(let jobID, let fleet): "job \(jobID) submitted to fleet '\(fleet)'"
    case .known(let jobID, let fleet, let ignored):
      "job \(jobID) is known to fleet '\(fleet)' already; following it"
        + (ignored.isEmpty ? "" : " with the \(ignored.joined(separator: ", ")) it was submitted with")
    case .waiting(let tasks, let until):
      "nothing to run now: \(tasks) task\(tasks == 1 ? " waits" : "s wait"), the next task is due at \(until.text())"
    case .leading(let term): "leading the fleet, term \(term)"
    case .following(let leader): "coordinator \(leader) leads the fleet; following this job"
    case .noEligibleWorker(0): "no worker is up; start one with: quarry worker"
    case .noEligibleWorker(let workers):
      "none of the \(workers) workers may run this job: other storage or other scripts; `quarry list workers` says which"
    case .redisUnreachable(let message): "Redis does not answer, trying on: \(message)"
    case .redisBack: "Redis answers again"
    case .ledgerRefused(let message): "ended tasks cannot be recorded, trying on: \(message)"
    case .publishing(let change): change.description
    case .termKept(let message): "left without giving up the lead, which ends by itself: \(message)"
    }
  }
}

import QuarryCore

/// What a coordinator tells besides its progress; rendering is the command's.
package enum CoordinatorNotice: Sendable, Equatable {
  case submitted(jobID: String, fleet: String)
  /// The job was there already; `ignored` names what it was asked for otherwise this time.
  case known(jobID: String, fleet: String, ignored: [String])
  /// What held the job back, if anything did, is lifted.
  case resumed(jobID: String, fleet: String)
  /// It is in Redis again, as its ledger says.
  case rebuilt(jobID: String, done: Int, dead: Int, pending: Int)
  case notRebuilt(jobID: String, Unbuilt)
  /// The job is listed and its own key is gone: nothing of it is handed out.
  case jobMissing(jobID: String)
  /// A key held what it must not, and was taken away.
  case keyReplaced(String)
  case serving(fleet: String)
  case jobFinished(jobID: String)
  case submissionRejected(String)
  /// The record of a submitted job cannot be written now.
  case submissionWaits(String)
  /// Somebody told the job, or the fleet, to hand out nothing more; nil and false: to go on.
  case held(JobHold?, jobID: String, isFleetPaused: Bool)
  /// All that is left of the job waits for its time.
  case waiting(tasks: Int, until: Timestamp)
  case leading(term: Int64)
  /// Another coordinator leads the fleet; this one follows its job and takes over when the other is gone.
  case following(leader: String)
  /// Nobody can run the job's tasks.
  case noEligibleWorker(workers: Int)
  /// None of the workers that may run the job's tasks claims anything; `health` is why one of them does not.
  case workersUnwell(workers: Int, health: String)
  /// Nil when it is over.
  case redis(RedisTrouble?)
  /// Records of final tasks cannot be written now.
  case ledgerRefused(String)
  /// Storage was asked for something of a job's ledger, and it is neither done nor refused for good.
  case storageAwaited(seconds: Int, jobID: String)
  case storageAwaitedNoMore
  case publishing(PublishChange)
  /// Redis was not told that this coordinator leads no more.
  case termKept(String)

  /// Why a job was not rebuilt.
  package enum Unbuilt: Sendable, Equatable {
    /// The fleet has it, open or finished.
    case goesOn, hasEndedThere
    /// The fleet has it not, and all of its tasks have ended.
    case hasEnded
  }

  /// What an event says of a key that somebody has bent or taken away.
  /// - Returns: nil for any other event.
  init?(damage event: FleetEvent) {
    switch event.type {
    case "job_missing": self = .jobMissing(jobID: event.jobID ?? "")
    case "key_replaced": self = .keyReplaced(event.fields["error"] ?? "")
    default: return nil
    }
  }
}

extension CoordinatorNotice {
  /// For a person.
  /// - Parameter flags: for the commands that it names.
  package func text(_ flags: FleetFlags) -> String {
    switch self {
    case .submitted(let jobID, let fleet): "job \(jobID) submitted to fleet '\(fleet)'"
    case .known(let jobID, let fleet, let ignored):
      "job \(jobID) is known to fleet '\(fleet)' already; following it"
        + (ignored.isEmpty ? "" : " with the \(ignored.joined(separator: ", ")) it was submitted with")
    case .resumed(let jobID, let fleet): "job \(jobID) of fleet '\(fleet)' goes on"
    case .rebuilt(let jobID, let done, let dead, let pending):
      "job \(jobID) rebuilt from its ledger: \(done) tasks done, \(dead) dead, \(pending) to run"
    case .notRebuilt(let jobID, .goesOn): "job \(jobID) is in Redis and goes on"
    case .notRebuilt(let jobID, .hasEndedThere):
      "job \(jobID) is in Redis and has ended: nothing of it is to be rebuilt"
    case .notRebuilt(let jobID, .hasEnded): "job \(jobID) has ended: nothing of it is to be rebuilt"
    case .jobMissing(let jobID):
      "job \(jobID) is missing in Redis, and nothing of it is handed out; it comes back from its ledger with: \(flags.rebuild(jobID))"
    case .keyReplaced(let what): "\(what); `quarry debug census\(flags.fleet)` names what disagrees since"
    case .serving(let fleet): "serving jobs that are submitted to fleet '\(fleet)'"
    case .jobFinished(let jobID): "job \(jobID) is finished"
    case .submissionRejected(let reason):
      "a submission was rejected: \(reason); `quarry list rejects\(flags.fleet)` shows it"
    case .submissionWaits(let message): "a submission waits, since its job cannot be recorded: \(message)"
    case .held(.cancel?, _, _): "the job is cancelled"
    case .held(_, _, true): "the fleet is paused; go on with: quarry resume fleet\(flags.fleet)"
    case .held(.pause?, let jobID, _): "the job is paused; go on with: quarry resume job \(jobID)\(flags.fleet)"
    case .held(.drain?, _, _): "the job is drained: what it has is run, nothing more is admitted"
    case .held(nil, _, false): "nothing holds the job back any more"
    case .waiting(let tasks, let until):
      "nothing to run now: \(tasks) task\(tasks == 1 ? " waits" : "s wait"), the next task is due at \(until.text())"
    case .leading(let term): "leading the fleet, term \(term)"
    case .following(let leader): "coordinator \(leader) leads the fleet; this one takes over when it is gone"
    case .noEligibleWorker(0): "no worker is up; start one with: quarry worker\(flags.fleet)\(flags.storage)"
    case .noEligibleWorker(let workers):
      "\(workers == 1 ? "the only worker may not" : "none of the \(workers) workers may") run this job: other storage or other scripts; `quarry list workers\(flags.fleet)` says which"
    case .workersUnwell(let workers, let health):
      "\(workers == 1 ? "the only worker" : "none of the \(workers) workers") that may run this job claims \(workers == 1 ? "nothing" : "anything"): \(health); `quarry list workers\(flags.fleet)` says why"
    case .redis(let trouble): RedisTrouble.text(trouble)
    case .ledgerRefused(let message): "ended tasks cannot be recorded, trying on: \(message)"
    case .storageAwaited(let seconds, let jobID):
      "storage has been waited for these \(seconds) s, asked for the ledger of job \(jobID); ended tasks and submitted jobs wait for it too"
    case .storageAwaitedNoMore: "storage is waited for no longer"
    case .publishing(let change): change.description
    case .termKept(let message): "left without giving up the lead, which ends by itself: \(message)"
    }
  }
}

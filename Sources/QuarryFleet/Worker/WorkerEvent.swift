import QuarryCore

/// What happens to a worker.
package enum WorkerEvent: Sendable {
  /// The worker is registered and its own leftovers are released.
  case ready
  case claimAnswered(ClaimAnswer, sentAt: UInt64)
  /// The blocking pop came back, with a marker or without.
  case wokeUp
  /// The executor's first frame arrived.
  case executorStarted(runID: String)
  /// The timer with this number went off.
  case heartbeat(Int)
  case due(Int)
  /// `named`: the run ids that the renewal named; a run claimed meanwhile is not judged by it.
  case renewed(RenewAnswer, named: [String], sentAt: UInt64)
  /// The run's deadline passed without a good renewal, or a fenced call was refused.
  case entitlementLost(runID: String, RunControl.StopReason)
  /// `emitted`: how many derived works the run handed over, all of which are in Redis when it is `accepted`.
  case runEnded(runID: String, TaskResult, emitted: Int = 0)
  case completeAnswered(runID: String, CompleteAnswer, sentAt: UInt64)
  case failAnswered(runID: String, FailAnswer)
  /// Redis answers and refuses the report of this run by itself, its start or its end; it is made again.
  case reportRefused(runID: String, reason: String)
  /// Ledger records are written and Redis knows it.
  case settled(count: Int)
  case storageRefused(String)
  case storageTook
  case pauseOver
  /// What was to be told of this worker's health is told.
  case healthTold
  /// Whether the process holds more memory than it may, and how much, in bytes.
  case memory(isOver: Bool, Int)
  /// First SIGTERM or SIGINT.
  case drain
  case drainTimeout
  /// What the drain's end has stopped should be given back and recorded by now.
  case releaseTimeout
  /// Second signal.
  case kill
  /// Redis is not the one that the worker joined.
  case generationLost(QuarryError)
}

/// What a worker does next.
package enum WorkerAction: Sendable, Equatable {
  case claim(Int)
  /// Blocks on the wake-up list, this long at most.
  case awaitWork(Duration)
  case run(TaskAssignment, deadline: UInt64)
  case sendStarted(TaskAssignment)
  case renew([TaskAssignment])
  case extend(runID: String, deadline: UInt64)
  case stop(runID: String, RunControl.StopReason)
  /// All derived work of the run must be in Redis before it is sent.
  case complete(TaskAssignment, RunFigures, emitted: Int, claimNext: Bool)
  /// `hasBegun`: its executor's first frame had arrived.
  case fail(
    TaskAssignment, TaskResult.FailureKind, reason: String, hasBegun: Bool = false, hosts: [HostNote] = [])
  /// The run is no longer held: its reins can be let go.
  case forget(runID: String)
  /// Writes the record of a final transition, then tells Redis.
  case settle(PendingEntry)
  case startPause(Duration)
  /// Lets others see why this worker claims nothing; empty when it is well.
  case tellHealth(String)
  /// Ends in `heartbeat` with this number, unless a later timer took its place.
  case startHeartbeat(Duration, Int)
  /// The same, in `due`.
  case startDueTimer(Duration, Int)
  /// Redis does not know this worker: it says again who it is.
  case join
  case startDrainTimer(Duration)
  case startReleaseTimer(Duration)
  case notice(WorkerNotice)
  case finish(WorkerEnd)
}

package struct ClaimAnswer: Sendable, Equatable {
  package var tasks: [TaskAssignment]
  /// Until something may be due, when there was less work than asked for; nil when nothing is scheduled.
  package var nextDueMilliseconds: Int64?
  /// The lease that these claims were given; a job that comes later may change the fleet's.
  package var timing: LeaseTiming?
  /// The fleet, or this worker, is paused: it is handed nothing for now.
  package var isPaused: Bool

  package init(
    tasks: [TaskAssignment], nextDueMilliseconds: Int64? = nil, timing: LeaseTiming? = nil, isPaused: Bool = false
  ) {
    self.tasks = tasks
    self.nextDueMilliseconds = nextDueMilliseconds
    self.timing = timing
    self.isPaused = isPaused
  }
}

package struct RenewAnswer: Sendable, Equatable {
  /// Run ids whose claim is no longer current.
  package var lost: Set<String>
  package var cancelled: Set<String>
  /// The lease that the held runs have now.
  package var timing: LeaseTiming?
  /// The coordinator that leads; nil while there is none.
  package var leader: String?
  /// Grows whenever the fleet's or a job's settings change.
  package var controlVersion: Int64
  /// Redis does not know this worker: it has to join again.
  package var mustJoin: Bool
  /// Somebody wants this worker to end its runs and leave.
  package var mustDrain: Bool

  package init(
    lost: Set<String> = [], cancelled: Set<String> = [], timing: LeaseTiming? = nil, leader: String? = nil,
    controlVersion: Int64 = 0, mustJoin: Bool = false, mustDrain: Bool = false
  ) {
    self.lost = lost
    self.cancelled = cancelled
    self.timing = timing
    self.leader = leader
    self.controlVersion = controlVersion
    self.mustJoin = mustJoin
    self.mustDrain = mustDrain
  }
}

package enum CompleteAnswer: Sendable, Equatable {
  /// The entry is nil when its record is in the ledger already (a repeat); `next`: what was claimed in the same trip;
  /// nil when nothing was asked for.
  case accepted(PendingEntry?, next: ClaimAnswer?)
  case refused(String)
}

package struct FailAnswer: Sendable, Equatable {
  /// The task's state after it, or why the failure did not count.
  package var next: String
  /// The task is dead: its record has to be written.
  package var pending: PendingEntry?

  package init(next: String, pending: PendingEntry? = nil) {
    self.next = next
    self.pending = pending
  }
}

/// How a worker's life ends.
package enum WorkerEnd: Sendable, Equatable {
  case drained
  case killed
  /// Redis or storage was away at the end: leases that are left end by themselves, and other processes record the
  /// `unsettled` ends.
  case abandoned(held: Int, unsettled: Int)
  /// With nothing left to run it holds so many bytes, which is more than it may.
  case outgrown(Int)
  case failed(QuarryError)
}

extension WorkerEnd {
  /// Whether calls to Redis may still be under way that nobody waits for.
  var leavesCalls: Bool {
    switch self {
    case .drained, .outgrown: false
    case .killed, .abandoned, .failed: true
    }
  }
}

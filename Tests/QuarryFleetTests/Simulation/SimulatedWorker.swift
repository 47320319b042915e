import QuarryCore
import QuarryFleet

/// A worker's process: the real `WorkerState`, its timers, and what it has still to send. Redis may have got a message
/// and its answer be lost; then it is sent again as it was.
struct SimulatedWorker {
  struct Message {
    var action: WorkerAction
    let requestID: String
    let sentAt: UInt64
    /// Its ledger record is written: only Redis has to be told.
    var isRecorded = false
    /// Redis has handed out work for it, and only the answer was lost. What found nothing is tried anew.
    var hasClaimed = false
  }

  let id: String
  let queue: FleetQueue
  var state: WorkerState
  /// In the order in which they were made; each may overtake the others.
  var outgoing: [Message] = []
  var timers: [(at: Int64, event: WorkerEvent)] = []
  /// Until when it waits for a wake-up.
  var waitsUntil: Int64?
  var isUp = false
  /// Stopped by SIGSTOP until then, on the boot clock.
  var frozenUntil: Int64 = 0
  var believesInLeader = false

  init(id: String, queue: FleetQueue) {
    self.id = id
    self.queue = queue
    state = Self.booted
  }

  private static var booted: WorkerState {
    WorkerState(slots: 3, timing: LeaseTiming(), drainTimeout: .seconds(25))
  }

  var presence: WorkerPresence {
    WorkerPresence(
      workerID: id, host: "here", pid: 1, slots: 3, storage: SimulatedJob.storage,
      startedAt: Timestamp(nanoseconds: 0))
  }

  /// Redis may not have its last reply any more.
  mutating func forgetReplies() {
    for index in outgoing.indices { outgoing[index].hasClaimed = false }
  }

  /// SIGKILL: all that it knew is gone.
  /// - Returns: what was on its way.
  mutating func die() -> [Message] {
    defer {
      isUp = false
      (outgoing, timers, waitsUntil) = ([], [], nil)
      state = Self.booted
    }
    return outgoing
  }
}

/// A script that runs.
struct SimulatedRun {
  let worker: String
  let task: TaskAssignment
  let url: String
  let host: String
  let work: [DerivedWork]
  var deadline: Int64
  var hasBegun = false
  /// Redis has lost its claim, so that another may run beside it until its worker is told.
  var isForgotten = false
  var sent = 0
  private(set) var stop: RunControl.StopReason?

  init(
    worker: String, task: TaskAssignment, url: String, host: String, work: [DerivedWork], deadline: Int64
  ) {
    (self.worker, self.task, self.url, self.host, self.work, self.deadline) = (worker, task, url, host, work, deadline)
  }

  mutating func extend(to later: Int64) { deadline = max(deadline, later) }
  /// The first reason holds.
  mutating func stop(_ reason: RunControl.StopReason) { stop = stop ?? reason }
}

/// A coordinator's process, as far as it leads.
struct SimulatedCoordinator {
  let id: String
  let queue: FleetQueue
  /// The last one that it held; what another took meanwhile it does not know.
  var term: Int64 = 0
  var isUp = true
}

/// Redis as it is on its disk, and what the model knew then.
struct Disk {
  /// When the power goes, on the boot clock.
  let until: Int64
  let model: FleetModel
  let sight: Oracle.Sight
  /// How many proxies had been chosen.
  let proxies: Int
}

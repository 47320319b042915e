import QuarryCore

/// What Redis has to hold of a job, by its ledger alone: every task that has ended counts as it did; what accepted runs
/// derived is admitted anew in the order of acceptance, under the same bounds; what has no end is to run.
package struct RebuildPlan: Sendable {
  let jobID: String
  let job: JobRecord
  private(set) var tasks: [RestoredTask] = []
  /// The task of each fingerprint.
  private(set) var prints: [String: String] = [:]
  /// Tasks of each host, of a job that bounds them.
  private(set) var pages: [String: Int] = [:]
  /// By their names in Redis.
  package private(set) var counters: [String: Int] = [:]

  /// Tasks that have to run.
  package var pending: Int { tasks.count { $0.state == .ready } }

  /// - Throws: `QuarryError(.storage)` when the ledger lacks the job's record.
  package init(_ ledger: JobLedger) throws(QuarryError) {
    guard let job = ledger.job else {
      throw QuarryError(.storage, "the ledger of job \(ledger.jobID) does not say what the job is")
    }
    jobID = ledger.jobID
    self.job = job
    var admission = RebuiltAdmission(ledger, job)
    try admission.run()
    prints = admission.prints
    if job.politeness.hostMaxPages != nil { pages = admission.pages }
    tasks = try admission.tasks
    counters = admission.counters
    counters["items"] = ledger.accepted.values.reduce(0) { $0 + $1.figures.itemCount }
    counters["events"] = ledger.accepted.values.reduce(0) { $0 + $1.figures.eventCount }
    // Of what has ended, that which is put back no more counts as let go.
    let kept = tasks.count { [.done, .cancelled].contains($0.state) }
    counters["trimmed_done"] = ledger.accepted.count + ledger.cancelled.count - kept
  }
}

/// The admission of a job's work, once more: as `admit.lua` does it, in memory.
private struct RebuiltAdmission {
  private struct Emitted {
    var parent: String
    var runID: String
    var work: WorkRecord
  }

  private let ledger: JobLedger
  private let job: JobRecord
  private(set) var prints: [String: String] = [:]
  private(set) var pages: [String: Int] = [:]
  private var depths: [String: Int] = [:]
  /// The run whose emission made each ended task, until that emission has come by.
  private var origins: [String: String] = [:]
  private var cuts: [String: [RestoredTask.Cut]] = [:]
  private var pending: [RestoredTask] = []
  private var waiting: [Emitted] = []
  private var admitted = 0
  private var duplicates = 0
  private var cutByRuns = 0
  private var cutByPages = 0

  init(_ ledger: JobLedger, _ job: JobRecord) {
    self.ledger = ledger
    self.job = job
  }

  mutating func run() throws(QuarryError) {
    for record in ended { try admit(record) }
    for record in ledger.requeued.values.sorted(by: { $0.task.taskID < $1.task.taskID }) {
      try admit(record.task)
      pending.append(try restored(record.task, .ready))
    }
    try admitRoot()
    for taskID in ledger.acceptedOrder {
      guard let record = ledger.accepted[taskID] else { continue }
      waiting += record.children.map { Emitted(parent: taskID, runID: record.runID, work: $0) }
      try drain()
    }
    for place in pending.indices { pending[place].depth = depths[pending[place].taskID] ?? pending[place].depth }
  }

  var counters: [String: Int] {
    [
      "admitted": admitted, "done": ledger.accepted.count, "dead": ledger.dead.count,
      "cancelled": ledger.cancelled.count, "duplicates": duplicates, "cut_runs": cutByRuns, "cut_pages": cutByPages,
      "cut_depth": cuts.values.reduce(0) { $0 + $1.count }, "cut_kept": cuts.values.reduce(0) { $0 + $1.count },
    ]
  }

  /// What is to run; of what has ended the dead, which may be requeued, the root, and what may still have work admitted.
  var tasks: [RestoredTask] {
    get throws(QuarryError) {
      var tasks = pending
      for record in ledger.dead.values {
        var task = try restored(record.task, .dead)
        (task.failure, task.reason) = (record.failure, record.reason)
        tasks.append(task)
      }
      for record in ledger.accepted.values where cuts[record.task.taskID] != nil || isRoot(record.task) {
        var task = try restored(record.task, .done)
        task.runID = record.runID
        task.cut = cuts[record.task.taskID] ?? []
        tasks.append(task)
      }
      for record in ledger.cancelled.values where isRoot(record.task) {
        tasks.append(try restored(record.task, .cancelled))
      }
      return tasks
    }
  }

  private var ended: [TaskRecord] {
    ledger.accepted.values.map(\.task) + ledger.dead.values.map(\.task) + ledger.cancelled.values.map(\.task)
  }

  private func isRoot(_ task: TaskRecord) -> Bool { task.taskID == job.rootTaskID }

  private mutating func admit(_ task: TaskRecord) throws(QuarryError) {
    prints[try fingerprint(of: task)] = task.taskID
    depths[task.taskID] = task.depth
    origins[task.taskID] = task.originRunID
    if let host = try task.work.host { pages[host, default: 0] += 1 }
    admitted += 1
  }

  private mutating func admitRoot() throws(QuarryError) {
    guard depths[job.rootTaskID] == nil else { return }
    let task = TaskRecord(taskID: job.rootTaskID, epoch: 0, attempt: 0, depth: 0, work: job.root)
    try admit(task)
    pending.append(try restored(task, .ready))
  }

  private mutating func drain() throws(QuarryError) {
    var next = 0
    while next < waiting.count {
      try take(waiting[next])
      next += 1
    }
    waiting = []
  }

  private mutating func take(_ emitted: Emitted) throws(QuarryError) {
    let print = try fingerprint(of: emitted.work)
    let depth = (depths[emitted.parent] ?? 0) + 1
    if let twin = prints[print] {
      if origins[twin] == emitted.runID { origins[twin] = nil } else { duplicates += 1 }
      findAgain(twin, at: depth)
    } else if depth > job.depth {
      cut(emitted, print)
    } else if let most = job.maxRuns, admitted >= most {
      cutByRuns += 1
    } else if let most = job.politeness.hostMaxPages, let host = try emitted.work.host, pages[host] ?? 0 >= most {
      cutByPages += 1
    } else {
      let task = TaskRecord(
        taskID: WorkIdentity.taskID(of: print, job: ledger.jobID, under: emitted.parent), epoch: 0, attempt: 0,
        depth: depth, work: emitted.work, parentTaskID: emitted.parent, originRunID: emitted.runID, fingerprint: print)
      try admit(task)
      origins[task.taskID] = nil
      pending.append(try restored(task, .ready))
    }
  }

  private mutating func cut(_ emitted: Emitted, _ print: String) {
    if cuts[emitted.parent]?.contains(where: { $0.fingerprint == print }) == true {
      duplicates += 1
    } else {
      cuts[emitted.parent, default: []].append(
        RestoredTask.Cut(fingerprint: print, runID: emitted.runID, work: emitted.work))
    }
  }

  /// A task that was found again nearer to the root counts from there, and so does what it derived and was cut.
  private mutating func findAgain(_ taskID: String, at depth: Int) {
    guard depth < depths[taskID] ?? 0 else { return }
    depths[taskID] = depth
    for cut in cuts.removeValue(forKey: taskID) ?? [] {
      waiting.append(Emitted(parent: taskID, runID: cut.runID, work: cut.work))
    }
  }

  private func restored(_ task: TaskRecord, _ state: TaskState) throws(QuarryError) -> RestoredTask {
    RestoredTask(
      taskID: task.taskID, state: state, depth: depths[task.taskID] ?? task.depth, work: task.work,
      fingerprint: try fingerprint(of: task), parentTaskID: task.parentTaskID, originRunID: task.originRunID,
      epoch: task.epoch, attempt: task.attempt)
  }

  private func fingerprint(of task: TaskRecord) throws(QuarryError) -> String {
    if let known = task.fingerprint { return known }
    return try fingerprint(of: task.work)
  }

  private func fingerprint(of work: WorkRecord) throws(QuarryError) -> String {
    WorkIdentity.fingerprint(
      target: work.target, params: try FleetQueue.canonical(work.params).canonicalText, dedupKey: work.options.dedupKey)
  }
}

extension WorkRecord {
  /// Which host it is charged to.
  var host: String? {
    get throws(QuarryError) {
      if let host = options.host { return WorkHost.normalise(host) }
      return WorkHost.of(params: try FleetQueue.canonical(params))
    }
  }
}

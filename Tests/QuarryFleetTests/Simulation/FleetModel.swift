import QuarryCore
import QuarryFleet

/// The oracle of a simulation: knows what was asked of the fleet, follows how each task moves, and says which move no rule
/// allows. Times are the fleet's, in ms.
struct FleetModel {
  static let lease: Int64 = 30_000
  static let heartbeat: Int64 = 10_000

  struct Job {
    var depth: Int
    var maxRuns: Int?
    var politeness = Politeness()
    var hold: JobHold?
    var wasCancelled = false
    /// Each piece of work that was ever handed to the outbox.
    var emitted: Set<String> = []
    var tasks: [String: String] = [:]

    func mayHold(_ url: String) -> Bool { emitted.contains(url) }
  }

  var jobs: [String: Job] = [:]
  var tasks: [String: TaskFact] = [:]
  var now: Int64 = 0
  var problems: [String] = []
  /// Until when each leased task's lease lasts, and when its worker named it last.
  var expiry: [String: Int64] = [:]
  var namedAt: [String: Int64] = [:]
  var runs: Set<String> = []
  var isPaused = false
  var workerHolds: [String: WorkerHold] = [:]
  var joined: Set<String> = []
  /// Pieces of work that Redis took from each run.
  var taken: [String: Int] = [:]
  var requeued: Set<String> = []
  var hosts = HostModel()
  var reaper = ReaperModel()
  var leader: (id: String, until: Int64, term: Int64) = ("", 0, 0)
  var leads: Bool { leader.until > now }

  mutating func problem(_ text: String) { problems.append("at \(now): \(text)") }

  mutating func observe(_ deed: Deed, _ sight: Oracle.Sight) {
    for text in sight.problems { problem(text) }
    hosts.forget(allBut: sight.openJobs)
    // What became ready again comes first, since the same step may have handed it out.
    for fact in sight.changes.sorted(by: { ($0.state == .leased ? 1 : 0, $0.id) < ($1.state == .leased ? 1 : 0, $1.id) }
    ) {
      judge(tasks[fact.id], fact, deed)
      tasks[fact.id] = fact
      jobs[fact.job]?.tasks[fact.url] = fact.id
    }
    if case .reap = deed { checkReaped() }
    if case .join(let worker) = deed,
      let task = tasks.values.first(where: { $0.state == .leased && $0.owner == worker })
    {
      problem("\(worker) has come anew, and \(task.id) is still its own")
    }
    checkBounds()
  }

  private mutating func checkBounds() {
    for (id, job) in jobs {
      if let most = job.maxRuns, job.tasks.count > most { problem("\(id) has \(job.tasks.count) tasks of \(most)") }
      guard let most = job.politeness.hostMaxPages else { continue }
      let pages = Dictionary(grouping: tasks.values.filter { $0.job == id && !$0.host.isEmpty }, by: \.host)
      for (host, found) in pages where found.count > most { problem("\(id) has \(found.count) pages of \(host)") }
    }
  }

  private mutating func judge(_ old: TaskFact?, _ new: TaskFact, _ deed: Deed) {
    guard let old else { return judgeBirth(new, deed) }
    if new.depth != old.depth { judgeDepth(old, new, deed) }
    switch (old.state, new.state) {
    case (.ready, .leased), (.scheduled, .leased): judgeClaim(old, new, deed)
    case (.scheduled, .ready): judgePromotion(old, new)
    case (.leased, .done): judgeAcceptance(old, new, deed)
    case (.leased, .ready), (.leased, .scheduled), (.leased, .dead), (.leased, .cancelled): judgeEnd(old, new, deed)
    case (.ready, .cancelled), (.scheduled, .cancelled): judgeCancel(old, deed)
    case (.dead, .ready), (.dead, .cancelled): judgeRevival(old, deed)
    case (.leased, .leased) where old.epoch == new.epoch && old.run == new.run && old.owner == new.owner: break
    case let (before, after) where before == after && before != .leased: break
    default: problem("\(new.id) goes from \(old.state) to \(new.state) by \(deed)")
    }
  }

  private mutating func judgeBirth(_ new: TaskFact, _ deed: Deed) {
    guard let job = jobs[new.job] else { return problem("\(new.id) is of no job") }
    if let twin = job.tasks[new.url] { problem("\(new.url) is \(twin), and \(new.id)") }
    switch deed {
    case .submit: break
    case .admit:
      if !job.mayHold(new.url) { problem("\(new.url) was not emitted") }
      if new.depth > job.depth || new.depth < 1 { problem("\(new.id) is at depth \(new.depth) of \(job.depth)") }
      if job.hold == .pause || job.hold == .drain || job.wasCancelled {
        problem("\(new.job) admits on \(String(describing: job.hold))")
      }
    default: problem("\(new.id) comes out of \(deed)")
    }
    if ![.ready, .scheduled].contains(new.state) { problem("\(new.id) is born \(new.state)") }
  }

  private mutating func judgeDepth(_ old: TaskFact, _ new: TaskFact, _ deed: Deed) {
    guard case .admit = deed, new.depth < old.depth else {
      return problem("\(new.id) goes from depth \(old.depth) to \(new.depth)")
    }
  }

  private mutating func judgePromotion(_ old: TaskFact, _ new: TaskFact) {
    if let due = old.dueAt, due > now { problem("\(new.id) is ready \(due - now) ms early") }
  }

  // MARK: claims

  private mutating func judgeClaim(_ old: TaskFact, _ new: TaskFact, _ deed: Deed) {
    let worker: String
    switch deed {
    case .claim(let claimant): worker = claimant
    case .complete(let claimant, let accepted, _) where !accepted.isEmpty: worker = claimant
    default: return problem("\(new.id) is handed out by \(deed)")
    }
    if old.state == .scheduled { judgePromotion(old, new) }
    if new.owner != worker { problem("\(new.id) is \(new.owner)'s, claimed by \(worker)") }
    if new.epoch <= old.epoch || new.epoch < now { problem("\(new.id): epoch \(new.epoch) after \(old.epoch)") }
    if !runs.insert(new.run).inserted { problem("run \(new.run) is there twice") }
    if new.startedAt != nil { problem("\(new.id) has started before it could") }
    judgeHolds(new, worker)
    for text in hosts.claim(new, tasks, jobs, at: now) { problem(text) }
    judgeConcurrency(new)
    expiry[new.id] = now + Self.lease
    namedAt[new.id] = now
  }

  private mutating func judgeHolds(_ new: TaskFact, _ worker: String) {
    if isPaused { problem("\(new.id) is handed out by a paused fleet") }
    if !joined.contains(worker) { problem("\(new.id) is handed to \(worker), which has not joined") }
    if workerHolds[worker] != nil { problem("\(new.id) is handed to \(worker), which is held") }
    if let hold = jobs[new.job]?.hold, hold != .drain { problem("\(new.id) is handed out, its job is to \(hold)") }
    if new.isCancelling { problem("\(new.id) is handed out, and was cancelled") }
    if requeued.contains(new.id) { problem("\(new.id) is handed out before the ledger has its requeue") }
  }

  private mutating func judgeConcurrency(_ new: TaskFact) {
    guard let most = jobs[new.job]?.politeness.jobConcurrency else { return }
    let running = tasks.values.count { $0.job == new.job && $0.state == .leased && $0.id != new.id } + 1
    if running > most { problem("\(new.job) has \(running) tasks running, of \(most)") }
  }

  // MARK: ends

  private mutating func judgeAcceptance(_ old: TaskFact, _ new: TaskFact, _ deed: Deed) {
    guard case .complete(let worker, let accepted, _) = deed, accepted.contains(old.run), worker == old.owner else {
      return problem("\(new.id) is done by \(deed), and was \(old.owner)'s as \(old.run)")
    }
    if old.isCancelling { problem("\(new.id) is accepted, and was cancelled") }
    if new.run != old.run || new.epoch != old.epoch { problem("\(new.id) is accepted as another run") }
  }

  private mutating func judgeEnd(_ old: TaskFact, _ new: TaskFact, _ deed: Deed) {
    switch deed {
    case .fail(let worker, let run, let kind):
      guard run == old.run, worker == old.owner else { break }
      return judgeFailure(old, new, kind)
    case .complete(let worker, _, let refused)
    where refused.contains(old.run) && worker == old.owner && old.isCancelling:
      return judgeTaken(old, new, nil)
    case .reap:
      if expiry[old.id, default: 0] > now { problem("\(old.id) is taken \(expiry[old.id, default: 0] - now) ms early") }
      if !reaper.mayTake(at: now) { problem("\(old.id) is taken in the time of grace") }
      return judgeTaken(old, new, old.startedAt == nil ? nil : "crash")
    case .renew(let worker, let named, let age):
      guard old.owner == worker, !named.contains(old.run) else { break }
      if namedAt[old.id, default: 0] + 2 * Self.heartbeat > now - age {
        problem("\(old.id) is released, and was named just now")
      }
      return judgeTaken(old, new, nil)
    case .join(let worker) where worker == old.owner: return judgeTaken(old, new, nil)
    default: break
    }
    problem("\(new.id) goes from \(old.owner) to \(new.state) by \(deed)")
  }

  private mutating func judgeFailure(_ old: TaskFact, _ new: TaskFact, _ kind: TaskResult.FailureKind) {
    switch kind {
    case .app, .crash, .blocked: judgeTaken(old, new, kind.rawValue)
    case .unrunnable:
      if new.state != .dead, !old.isCancelling { problem("\(new.id) cannot run, and is \(new.state)") }
    case .release, .storage, .worker, .versionMismatch: judgeTaken(old, new, nil)
    }
  }

  /// - Parameter budget: what is charged; nil for nothing.
  private mutating func judgeTaken(_ old: TaskFact, _ new: TaskFact, _ budget: String?) {
    if old.isCancelling {
      if new.state != .cancelled { problem("\(new.id) was cancelled, and is \(new.state)") }
      return
    }
    guard let budget else {
      if new.state != .ready { problem("\(new.id) was given back, and is \(new.state)") }
      if new.used != old.used { problem("\(new.id) pays for what was not its fault") }
      return
    }
    let used = old.used[budget, default: 0] + 1
    let isSpent = used >= SimulatedJob.budget
    if new.used[budget] != used { problem("\(new.id) has used \(new.used) after \(old.used) and one more \(budget)") }
    if new.state != (isSpent ? .dead : .scheduled) {
      problem("\(new.id) is \(new.state) after \(used) times \(budget)")
    }
    if new.state == .dead, new.failure != budget { problem("\(new.id) died of \(new.failure), not of \(budget)") }
  }

  private mutating func judgeCancel(_ old: TaskFact, _ deed: Deed) {
    switch deed {
    case .cancel(let job, let task) where job == old.job || task == old.id: break
    case .reap where jobs[old.job]?.wasCancelled == true: break
    default: problem("\(old.id) is cancelled by \(deed)")
    }
  }

  private mutating func judgeRevival(_ old: TaskFact, _ deed: Deed) {
    guard case .settle(let tasks) = deed, tasks.contains(old.id), requeued.contains(old.id) else {
      return problem("\(old.id) comes back by \(deed)")
    }
    requeued.remove(old.id)
  }

  private mutating func checkReaped() {
    guard reaper.mayTake(at: now) else { return }
    for task in tasks.values where task.state == .leased && expiry[task.id, default: 0] <= now {
      problem("\(task.id) keeps its lease, which ended \(now - expiry[task.id, default: 0]) ms ago")
    }
  }
}

/// When the reaper may take leases: not before a whole lease after a gap in its ticks, a restart, or a clock set back.
struct ReaperModel {
  private var tick: Int64?
  private var server = 0
  private var graceUntil: Int64 = 0
  private var back: Int64 = 0

  mutating func ticked(at now: Int64, server: Int, behind: Int64) {
    if let tick, now - tick > 10_000 || server != self.server || behind > back {
      graceUntil = now + FleetModel.lease
    }
    tick = now
    self.server = server
    back = behind
  }

  func mayTake(at now: Int64) -> Bool { now >= graceUntil }
}

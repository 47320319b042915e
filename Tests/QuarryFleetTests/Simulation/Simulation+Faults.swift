import QuarryCore
import QuarryFleet
import RedisClient

// What goes wrong, and the end of a seed, when nothing does any more.

extension Simulation {
  mutating func fault() async throws -> Deed {
    switch chance.below(11) {
    case 0, 1: kill(chance.below(workers.count))
    case 2, 3:
      if let place = chance.some(workers.indices.filter { !workers[$0].isUp }) { boot(place) }
    case 4: freeze(chance.below(workers.count))
    case 5: coordinators[chance.below(2)].isUp = chance.happens(70)
    case 6: setClock()
    case 7: server += 1
    case 8: try await writeDisk()
    case 9: try await takeAwayLists()
    default: _ = try await connection.send(["SCRIPT", "FLUSH"])
    }
    return .nothing
  }

  /// From now on nothing reaches Redis' disk; when its machine loses power, this is what there is.
  private mutating func writeDisk() async throws {
    guard disk == nil, chance.happens(50) else { return }
    try await oracle.keep()
    disk = Disk(until: time.boot + Int64(chance.below(12_000)), model: model, sight: last, proxies: proxies.count)
  }

  /// Redis starts again with what it had on its disk. The ledger, the processes and their executors go on from where they are.
  mutating func loseLastSecond(_ disk: Disk) async throws -> Deed {
    note("Redis loses what it was told since \(disk.sight.time)")
    try await oracle.bringBack()
    (self.disk, hasLost, isMarkerAway) = (nil, true, true)
    server += 1
    let problems = model.problems
    (model, last) = (disk.model, disk.sight)
    model.problems = problems
    proxies.removeLast(proxies.count - disk.proxies)
    for place in workers.indices { workers[place].forgetReplies() }
    for (id, run) in runs where !model.isCurrent(run.task, run.worker) { runs[id]?.isForgotten = true }
    return .nothing
  }

  /// Somebody deletes lists of ready tasks: those lie nowhere until the fleet finds them again.
  private mutating func takeAwayLists() async throws {
    for list in try await oracle.readyLists() where chance.happens(50) {
      note("somebody deletes \(list)")
      try await oracle.takeAway(list)
    }
  }

  /// SIGKILL: its executors die with it; what it has sent may still arrive.
  private mutating func kill(_ place: Int) {
    guard workers[place].isUp else { return }
    note("\(workers[place].id) is killed")
    for message in workers[place].die() where chance.happens(30) { strays.append((workers[place].id, message)) }
    for run in runs.keys where runs[run]?.worker == workers[place].id { runs[run] = nil }
  }

  private mutating func freeze(_ place: Int) {
    guard workers[place].isUp else { return }
    workers[place].frozenUntil = time.boot + Int64(chance.below(60_000))
    note("\(workers[place].id) stands still until \(workers[place].frozenUntil)")
  }

  /// Steps forward are either small against the margin of a lease or so large that the reaper sees them.
  private mutating func setClock() {
    let by = chance.pick([-40_000, -3_000, 2_000, 15_000, 60_000])
    note("the clock is set by \(by)")
    time.set(by: Int64(by))
  }

  mutating func deliverStray() async throws -> Deed {
    guard !strays.isEmpty else { return .nothing }
    let stray = strays.remove(at: chance.below(strays.count))
    guard let place = workers.firstIndex(where: { $0.id == stray.worker }) else { return .nothing }
    if case .join = stray.message.action { return .nothing }
    // The last reply is kept, and this one may take its place.
    workers[place].forgetReplies()
    note("late, from \(stray.worker)'s former life: \(stray.message.action)".prefix(120).description)
    return try await deliver([stray.message], by: place)?.0 ?? .nothing
  }

  // MARK: the end

  /// What must hold when all has ended; the first problem is the last word.
  mutating func conclude() async throws {
    guard model.problems.isEmpty else { return }
    try await settleDown()
    if model.problems.isEmpty { try checkResult() }
    if model.problems.isEmpty { try await checkKeys() }
  }

  /// Nothing goes wrong any more: every task comes to its end, and every job.
  mutating func settleDown() async throws {
    hasFaults = false
    if let disk { try await look(try await loseLastSecond(disk)) }
    strays = []
    _ = try await hold(.resume, .fleet)
    for job in jobs where model.jobs[job.id]?.wasCancelled == false { _ = try await hold(.resume, .job(job.id)) }
    try await look(.nothing)
    for place in workers.indices {
      workers[place].frozenUntil = 0
      if !workers[place].isUp { boot(place) }
      _ = try await hold(.resume, .worker(workers[place].id))
    }
    for place in coordinators.indices { coordinators[place].isUp = true }
    for _ in 0..<4_000 {
      if try await isOver() { return }
      try await step()
      guard model.problems.isEmpty else { return }
      guard runs.isEmpty, chance.happens(10) else { continue }
      time.pass(5_000)
      try await look(.nothing)
    }
    model.problem("after all faults have ended: \(try await coordinators[0].queue.jobs(limit: 2).map(\.status))")
  }

  private func isOver() async throws -> Bool {
    guard model.tasks.values.allSatisfy({ [.done, .dead, .cancelled].contains($0.state) }) else { return false }
    return try await coordinators[0].queue.jobs(limit: 2).allSatisfy(\.status.isFinished)
  }

  /// The result against what the jobs' links alone say: nothing but what some way leads to, and all that leads on from each
  /// page that was done above the depth's limit, wherever it was when it ran. Pages further down keep the depth at which
  /// they were found, so that what they lead to may be cut although a shorter way was found later.
  mutating func checkResult() throws {
    for job in jobs {
      guard let known = model.jobs[job.id] else { continue }
      let tasks = model.tasks.values.filter { $0.job == job.id }
      let found = Set(tasks.map(\.url))
      let strange = found.subtracting(job.reachable)
      if !strange.isEmpty { model.problem("\(job.id) has \(strange), which no way leads to") }
      let links = tasks.filter { $0.state == .done && $0.depth < known.depth }.flatMap { task in
        job.links(of: SimulatedJob.page(of: task.url)).map(job.url(of:))
      }
      let missing = Set(links).subtracting(found)
      let isCut = known.wasCancelled || known.politeness.hostMaxPages != nil || found.count == known.maxRuns
      if !isCut, !missing.isEmpty { model.problem("\(job.id) misses \(missing)") }
      try checkLedger(job.id, tasks)
    }
  }

  /// Where Redis has lost something, the ledger may know more, and the first word in it counts.
  private mutating func checkLedger(_ job: String, _ tasks: [TaskFact]) throws {
    let said = try JobLedger(reading: ledger, fleet: "", jobID: job)
    for task in tasks {
      let accepted = said.accepted[task.id]
      switch task.state {
      case .done:
        if accepted == nil || !hasLost && accepted?.runID != task.run {
          model.problem("the ledger has another run of \(task.id)")
        }
        if !announced.contains(task.run) { model.problem("\(task.run) of \(task.id) was never announced") }
      case _ where hasLost && accepted != nil: break
      case .dead: if said.dead[task.id] == nil { model.problem("the ledger does not have the death of \(task.id)") }
      case .cancelled:
        if said.cancelled[task.id] == nil { model.problem("the ledger does not have that \(task.id) was cancelled") }
      default: break
      }
    }
    checkOneRunEach(said, tasks)
    if !hasLost, model.jobs[job]?.wasCancelled == false { try checkRebuild(said, tasks) }
  }

  /// Were Redis lost now, the ledger alone would bring back what it has.
  private mutating func checkRebuild(_ said: JobLedger, _ tasks: [TaskFact]) throws {
    let plan = try RebuildPlan(said)
    let here = Dictionary(grouping: tasks, by: \.state.rawValue).mapValues(\.count)
    let there = plan.counters.filter { ["done", "dead", "cancelled"].contains($0.key) && $0.value > 0 }
    if here != there || plan.pending > 0 || plan.counters["admitted"] != tasks.count {
      model.problem("\(said.jobID) has \(here), and would come back as \(plan.counters) with \(plan.pending) to run")
    }
  }

  private mutating func checkOneRunEach(_ said: JobLedger, _ tasks: [TaskFact]) {
    let pages = Dictionary(grouping: said.accepted.values, by: \.task.work.params)
    for (page, runs) in pages where runs.count > 1 { model.problem("the ledger has \(runs.map(\.runID)) of \(page)") }
    guard !hasLost else { return }
    if !said.superseded.isEmpty { model.problem("the ledger has two runs of \(said.superseded.map(\.task.taskID))") }
    let strangers = Set(said.accepted.keys).subtracting(tasks.filter { $0.state == .done }.map(\.id))
    if !strangers.isEmpty { model.problem("the ledger has results of \(strangers), which are not done") }
  }
}

// What is left when retention has let everything go and the workers have gone.
extension Simulation {
  /// Without a time to live only what belongs to the fleet itself may stay, and what people have set for a host.
  private static let lasting = [
    "meta", "events", "notifications", "wake:admit", "wake:work:", "host:h3", "proxy", "sim:",
  ]

  mutating func checkKeys() async throws {
    time.pass(3_600_000)
    _ = try await oracle.look(time, server: server)
    for worker in workers { try await worker.queue.leave(workerID: worker.id) }
    var retention = Retention()
    (retention.doneAge, retention.deadAge) = (.seconds(1), .seconds(1))
    for _ in 0..<8 {
      _ = try await workers[0].queue.reap(limit: 500, term: 0, retention: retention, requestID: chance.id())
    }
    for key in try await connection.send(["KEYS", "*"]).elements?.compactMap(\.text) ?? [] {
      let kind = key.dropFirst(oracle.prefix.count)
      if Self.lasting.contains(where: { kind.hasPrefix($0) }) { continue }
      let left = try await connection.send(["PTTL", .text(key)]).int ?? -1
      if left < 0 { model.problem("\(kind) is left for ever") }
    }
  }
}

import QuarryCore
import QuarryFleet
import RedisClient

// What coordinators do for the fleet, workers while none leads, and people to it.

extension Simulation {
  /// One shared duty by a coordinator with the term that it believes in, or by a worker.
  mutating func serve() async throws -> Deed {
    let isCoordinator = chance.happens(70)
    let up = coordinators.indices.filter { coordinators[$0].isUp }
    if hasFaults, chance.happens(10) {
      try await chooseProxy(chance.pick(workers).queue)
      return .nothing
    }
    guard isCoordinator else {
      guard let worker = chance.some(workers.filter { $0.isUp && $0.frozenUntil <= time.boot }) else { return .nothing }
      return try await serve(worker.queue, term: 0)
    }
    guard let place = chance.some(up) else { return .nothing }
    if coordinators[place].term == 0 || chance.happens(25) { return try await lead(place) }
    return try await serve(coordinators[place].queue, term: coordinators[place].term)
  }

  /// The reaper of whoever leads ticks every few seconds, unless it is in the way of a fault.
  mutating func tick() async throws -> Deed? {
    guard time.boot >= nextTick else { return nil }
    nextTick = time.boot + 2_000
    if hasFaults, chance.happens(15) { return nil }
    if model.leads {
      guard let leader = coordinators.first(where: { $0.isUp && $0.term == model.leader.term }) else { return nil }
      return try await reap(leader.queue, leader.term, true)
    }
    guard let worker = chance.some(workers.filter { $0.isUp && $0.frozenUntil <= time.boot }) else { return nil }
    return try await reap(worker.queue, 0, true)
  }

  private mutating func lead(_ place: Int) async throws -> Deed {
    let answer = try await coordinators[place].queue.takeTerm(
      coordinatorID: coordinators[place].id, lasting: .seconds(6))
    let id = coordinators[place].id
    switch answer {
    case .leading(let term):
      if model.leads, model.leader.id != id { model.problem("\(id) leads beside \(model.leader.id)") }
      let isNew = !model.leads || model.leader.id != id
      if isNew ? term <= model.leader.term : term != model.leader.term {
        model.problem("\(id) has term \(term) after \(model.leader)")
      }
      model.leader = (id, model.now + 6_000, term)
      coordinators[place].term = term
    case .other(let other):
      if !model.leads || model.leader.id != other {
        model.problem("\(id) is told that \(other) leads: \(model.leader)")
      }
      coordinators[place].term = 0
    }
    return .nothing
  }

  /// A run is given a proxy: never one of the last three, while five are there; a repeat gives the same.
  private mutating func chooseProxy(_ queue: FleetQueue) async throws {
    var choice = ProxyChoice(
      pool: "p", strategy: .random, endpoints: (0..<5).map { "http://proxy\($0):80" })
    choice.recencyWindow = 3
    let request = chance.id()
    let place = try await queue.chooseProxy(choice, requestID: request)
    if proxies.suffix(3).contains(place) { model.problem("proxy \(place) comes again after \(proxies.suffix(3))") }
    proxies.append(place)
    guard chance.happens(30) else { return }
    let again = try await queue.chooseProxy(choice, requestID: request)
    if again != place { model.problem("a repeat chooses proxy \(again) after \(place)") }
  }

  private mutating func serve(_ queue: FleetQueue, term: Int64) async throws -> Deed {
    let isEntitled = term == 0 ? !model.leads : term == model.leader.term
    switch chance.below(6) {
    case 0, 1: return try await admit(queue, term, isEntitled)
    case 2, 3: return try await reap(queue, term, isEntitled)
    case 4: return try await settleLeftovers(queue)
    default: return try await publish(queue)
    }
  }

  private mutating func admit(_ queue: FleetQueue, _ term: Int64, _ isEntitled: Bool) async throws -> Deed {
    let request = chance.id()
    let taken = try await queue.admit(limit: 1 + chance.below(8), term: term, requestID: request)
    note("\(queue.actor) admits \(String(describing: taken))")
    if (taken != nil) != isEntitled { model.problem("\(queue.actor) admits with term \(term): \(model.leader)") }
    if chance.happens(10) { _ = try await queue.admit(limit: 8, term: term, requestID: request) }
    return taken == nil ? .nothing : .admit
  }

  private mutating func reap(_ queue: FleetQueue, _ term: Int64, _ isEntitled: Bool) async throws -> Deed {
    let taken = try await queue.reap(limit: 500, term: term, requestID: chance.id()).taken
    note("\(queue.actor) reaps \(taken)")
    guard isEntitled else {
      if taken > 0 { model.problem("\(queue.actor) reaps with term \(term): \(model.leader)") }
      return .nothing
    }
    model.reaper.ticked(at: model.now, server: server, behind: max(0, model.now - time.wall))
    return .reap
  }

  private mutating func settleLeftovers(_ queue: FleetQueue) async throws -> Deed {
    let entries = try await queue.pendingEntries(olderThan: .seconds(hasFaults ? 20 : 1), limit: 20)
    if hasFaults, chance.happens(10) { return .nothing }
    try await record(entries)
    if hasFaults, chance.happens(10) { return .nothing }
    try await queue.settle(entries, requestID: chance.id())
    return .settle(tasks: Set(entries.compactMap(\.entry.taskID)))
  }

  /// Sends all that waits; each may be sent again, when it cannot be acknowledged.
  private mutating func publish(_ queue: FleetQueue) async throws -> Deed {
    let entries = try await connection.send(["XRANGE", .text(queue.keys.notifications), "-", "+"])
    var sent: [QuarryFleet.Notification] = []
    for entry in entries.elements ?? [] {
      guard let id = entry[0]?.text, let fields = entry[1]?.fields, let run = fields["run"]?.text,
        let job = fields["job"]?.text, let task = fields["task"]?.text, let json = fields["json"]?.text
      else { continue }
      if !recorded.contains(where: { $0.hasPrefix("accepted:\(task):") }) {
        model.problem("\(task) is announced before the ledger has it")
      }
      if model.tasks[task]?.run != run { model.problem("\(run) of \(task) is announced, and was superseded") }
      announced.insert(run)
      if chance.happens(90) { sent.append(.init(id: id, jobID: job, json: json)) }
    }
    try await queue.acknowledge(sent)
    return .nothing
  }

  // MARK: people

  mutating func people() async throws -> Deed {
    let queue = coordinators[0].queue
    guard hasFaults else { return .nothing }
    let job = chance.pick(jobs).id
    switch chance.below(12) {
    case 0: return try await hold(.pause, .fleet)
    case 1, 2, 3: return try await hold(.resume, .fleet)
    case 4: return try await hold(.pause, .worker(chance.pick(workers).id))
    case 5: return try await hold(.resume, .worker(chance.pick(workers).id))
    case 6: return try await hold(chance.pick([.pause, .drain]), .job(job))
    case 7, 8: return try await hold(.resume, .job(job))
    case 9: return try await requeue(queue, job)
    case 10: return try await cancel(queue, job)
    default: return try await changeBounds(queue, job)
    }
  }

  mutating func hold(_ verb: ControlVerb, _ subject: ControlSubject) async throws -> Deed {
    guard case .done = try await coordinators[0].queue.control(verb, subject) else { return .nothing }
    note("people: \(verb) \(subject)")
    let job: JobHold? = verb == .pause ? .pause : verb == .drain ? .drain : nil
    switch subject {
    case .fleet: model.isPaused = verb == .pause
    case .worker(let id): model.workerHolds[id] = verb == .pause ? .pause : nil
    case .job(let id): model.jobs[id]?.hold = job
    case .task, .host: break
    }
    return .nothing
  }

  private mutating func requeue(_ queue: FleetQueue, _ job: String) async throws -> Deed {
    guard case .done(let page) = try await queue.requeue(jobID: job, onlyLooks: false) else { return .nothing }
    for task in page.tasks {
      model.requeued.insert(task.taskID)
      if !recorded.contains(where: { $0.hasPrefix("dead:\(task.taskID):") }) {
        model.problem("\(task.taskID) is requeued before the ledger has its death")
      }
    }
    return .nothing
  }

  private mutating func cancel(_ queue: FleetQueue, _ job: String) async throws -> Deed {
    if chance.happens(8) {
      guard case .done = try await queue.cancel(jobID: job, atMost: 1 + chance.below(10)) else { return .nothing }
      note("people: cancel \(job)")
      model.jobs[job]?.hold = .cancel
      model.jobs[job]?.wasCancelled = true
      return .cancel(job: job, task: nil)
    }
    let waiting = model.tasks.values.filter { [.ready, .scheduled, .leased].contains($0.state) }.map(\.id).sorted()
    guard let task = chance.some(waiting), case .done = try await queue.cancel(taskID: task) else { return .nothing }
    note("people: cancel \(task.suffix(6))")
    return .cancel(job: nil, task: task)
  }

  private mutating func changeBounds(_ queue: FleetQueue, _ job: String) async throws -> Deed {
    let (slots, gap) = (1 + chance.below(3), Int64(3 + chance.below(10)))
    guard
      case .done = try await queue.set([.hostConcurrency: Int64(slots), .hostDelay: gap * 1_000], of: .job(job))
    else { return .nothing }
    note("people: \(job) has \(slots) slots \(gap) s apart")
    model.jobs[job]?.politeness.hostConcurrency = slots
    model.jobs[job]?.politeness.hostDelay = .seconds(gap)
    for task in model.tasks.values where task.job == job && task.state == .leased {
      model.hosts.visit(task, model.jobs)
    }
    return .nothing
  }
}

import QuarryCore
import QuarryFleet
import RedisClient

// What workers do: the real state machine decides, chance delivers.

extension Simulation {
  /// What becomes of a message on its way.
  enum Delivery { case arrives, isLost, answerIsLost }

  mutating func delivery() -> Delivery {
    guard hasFaults else { return .arrives }
    switch chance.below(12) {
    case 0: return .isLost
    case 1: return .answerIsLost
    default: return .arrives
    }
  }

  mutating func boot(_ place: Int) {
    workers[place].isUp = true
    push(place, .join)
  }

  mutating func push(_ place: Int, _ action: WorkerAction) {
    workers[place].outgoing.append(
      .init(action: action, requestID: chance.id(), sentAt: time.bootNanoseconds))
  }

  mutating func handle(_ place: Int, _ event: WorkerEvent) {
    for action in workers[place].state.handle(event) { perform(place, action) }
  }

  private mutating func perform(_ place: Int, _ action: WorkerAction) {
    switch action {
    case .run(let task, let deadline): begin(place, task, Int64(deadline / 1_000_000))
    case .extend(let run, let deadline): runs[run]?.extend(to: Int64(deadline / 1_000_000))
    case .stop(let run, let reason): runs[run]?.stop(reason)
    case .forget(let run): runs[run] = nil
    case .startPause(let pause): after(place, pause, .pauseOver)
    case .startHeartbeat(let delay, let timer): after(place, delay, .heartbeat(timer))
    case .startDueTimer(let delay, let timer): after(place, delay, .due(timer))
    case .startDrainTimer(let timeout): after(place, timeout, .drainTimeout)
    case .startReleaseTimer(let timeout): after(place, timeout, .releaseTimeout)
    case .awaitWork(let longest): workers[place].waitsUntil = time.boot + longest.milliseconds
    case .finish: leave(place)
    case .notice: break
    default: push(place, action)
    }
  }

  private mutating func after(_ place: Int, _ delay: Duration, _ event: WorkerEvent) {
    workers[place].timers.append((time.boot + delay.milliseconds, event))
  }

  /// The process ends; it has nothing more to tell but that it goes.
  private mutating func leave(_ place: Int) {
    for run in runs.keys where runs[run]?.worker == workers[place].id { runs[run] = nil }
    _ = workers[place].die()
    model.workerHolds[workers[place].id] = nil
  }

  private mutating func begin(_ place: Int, _ task: TaskAssignment, _ deadline: Int64) {
    if let twin = runs.values.first(where: { $0.task.taskID == task.taskID && !$0.isForgotten }) {
      model.problem("\(task.taskID) runs as \(task.runID) beside \(twin.task.runID) of \(twin.worker)")
    }
    guard deadline > time.boot, let fact = model.tasks[task.taskID],
      let job = jobs.first(where: { $0.id == task.jobID })
    else {
      return handle(
        place, .runEnded(runID: task.runID, .failed(.release, reason: "late", RunFigures(outcome: nil)), emitted: 0))
    }
    runs[task.runID] = SimulatedRun(
      worker: workers[place].id, task: task, url: fact.url, host: fact.host,
      work: job.work(SimulatedJob.page(of: fact.url)), deadline: deadline)
  }

  private var awake: [Int] {
    workers.indices.filter { workers[$0].isUp && workers[$0].frozenUntil <= time.boot }
  }

  // MARK: messages

  /// One worker's timers, its wait for work, and one of its messages.
  mutating func send() async throws -> Deed {
    guard let place = chance.some(awake) else { return .nothing }
    for timer in workers[place].timers where timer.at <= time.boot { handle(place, timer.event) }
    workers[place].timers.removeAll { $0.at <= time.boot }
    try await wake(place)
    guard workers[place].isUp, !workers[place].outgoing.isEmpty else { return .nothing }
    let index = chance.below(workers[place].outgoing.count)
    let message = workers[place].outgoing[index]
    let messages = [message] + company(of: message, place)
    let way = delivery()
    if way == .isLost { return .nothing }
    note(
      "\(workers[place].id) sends \(Self.brief(message.action))\(way == .answerIsLost ? ", the answer is lost" : "")")
    guard let (deed, events) = try await deliver(messages, by: place) else {
      if case .settle(let entry) = message.action {
        workers[place].outgoing[index].isRecorded = recorded.contains(entry.id)
      }
      return .nothing
    }
    guard way == .arrives else {
      if events.contains(where: \.handsOutWork) { workers[place].outgoing[index].hasClaimed = true }
      return deed
    }
    let sent = Set(messages.map(\.requestID))
    workers[place].outgoing.removeAll { sent.contains($0.requestID) }
    // The answer is judged before the worker acts on it.
    try await look(deed)
    for event in events { handle(place, event) }
    return .nothing
  }

  /// What travels in one call with a start or an end, now and then: all others that wait.
  private func company(of message: SimulatedWorker.Message, _ place: Int) -> [SimulatedWorker.Message] {
    let others = workers[place].outgoing.filter { $0.requestID != message.requestID }
    switch message.action {
    case .sendStarted where chance.happens(60):
      return others.filter { if case .sendStarted = $0.action { true } else { false } }
    case .complete where chance.happens(60):
      return others.filter { if case .complete = $0.action { true } else { false } }
    default: return []
    }
  }

  private static func brief(_ action: WorkerAction) -> String {
    switch action {
    case .complete(let task, _, _, _): "complete \(task.taskID.suffix(6))"
    case .fail(let task, let kind, _, _, _): "fail \(kind) \(task.taskID.suffix(6))"
    case .settle(let entry): "settle \(entry.id.suffix(30))"
    case .renew(let tasks): "renew \(tasks.map { $0.taskID.suffix(6) })"
    case .sendStarted(let task): "started \(task.taskID.suffix(6))"
    default: "\(action)"
    }
  }

  private mutating func wake(_ place: Int) async throws {
    guard let until = workers[place].waitsUntil else { return }
    let key = workers[place].queue.keys.workerWake(SimulatedJob.storage.text)
    let marker = try await connection.send(["LPOP", .text(key)])
    guard !marker.isNull || until <= time.boot else { return }
    workers[place].waitsUntil = nil
    if !marker.isNull { isMarkerAway = true }
    handle(place, .wokeUp)
  }

  /// - Returns: nil when Redis has still to be told: the ledger alone was written, or refused.
  mutating func deliver(
    _ messages: [SimulatedWorker.Message], by place: Int
  ) async throws -> (Deed, [WorkerEvent])? {
    let message = messages[0]
    let (queue, id, request) = (workers[place].queue, workers[place].id, message.requestID)
    switch message.action {
    case .join:
      try await queue.join(workers[place].presence)
      model.joined.insert(id)
      model.workerHolds[id] = nil
      return (.join(worker: id), workers[place].state.phase == .booting ? [.ready] : [])
    case .claim(let count):
      let answer = try await queue.claim(workerID: id, count: count, requestID: request)
      isMarkerAway = false
      return (message.hasClaimed ? .nothing : .claim(worker: id), [.claimAnswered(answer, sentAt: message.sentAt)])
    case .renew(let tasks): return try await renew(tasks, place, message.sentAt)
    case .sendStarted: return try await start(messages, place)
    case .complete: return try await complete(messages, place)
    case .fail(let task, let kind, let reason, let hasBegun, let hosts):
      let answer = try await queue.fail(
        task, kind, reason: reason, hasBegun: hasBegun, hosts: hosts, workerID: id, requestID: request)
      for host in hosts where model.isCurrent(task, id) {
        model.hosts.rest(model.tasks[task.taskID]?.host ?? "", until: model.now + (host.wait?.milliseconds ?? 0))
      }
      return (.fail(worker: id, run: task.runID, kind), [.failAnswered(runID: task.runID, answer)])
    case .settle(let entry): return try await settle(entry, message, place)
    case .tellHealth(let health):
      try await queue.tell(health: health, workerID: id)
      return (.nothing, [.healthTold])
    default: return (.nothing, [])
    }
  }

  private mutating func renew(_ tasks: [TaskAssignment], _ place: Int, _ listedAt: UInt64) async throws -> (
    Deed, [WorkerEvent]
  ) {
    let (id, sentAt) = (workers[place].id, time.bootNanoseconds)
    let age = Int64((sentAt - listedAt) / 1_000_000)
    let answer = try await workers[place].queue.renew(
      tasks, age: .milliseconds(age), workerID: id, requestID: chance.id())
    workers[place].believesInLeader = answer.leader != nil
    for task in tasks {
      let fact = model.tasks[task.taskID]
      let isCurrent = fact?.state == .leased && fact?.run == task.runID && fact?.owner == id
      if isCurrent, fact?.isCancelling == false {
        model.expiry[task.taskID] = max(model.expiry[task.taskID] ?? 0, model.now + FleetModel.lease)
      }
      if isCurrent { model.namedAt[task.taskID] = model.now }
      let isKept = !answer.lost.contains(task.runID) && !answer.cancelled.contains(task.runID)
      if isKept != (isCurrent && fact?.isCancelling == false) {
        model.problem("\(id) renews \(task.taskID): \(isKept), and it is \(String(describing: fact))")
      }
    }
    return (
      .renew(worker: id, named: Set(tasks.map(\.runID)), age: age),
      [.renewed(answer, named: tasks.map(\.runID), sentAt: sentAt)]
    )
  }

  private mutating func start(
    _ messages: [SimulatedWorker.Message], _ place: Int
  ) async throws -> (Deed, [WorkerEvent]) {
    let id = workers[place].id
    let tasks = messages.compactMap { if case .sendStarted(let task) = $0.action { task } else { nil } }
    let answers = try await workers[place].queue.started(tasks, workerID: id, requestID: messages[0].requestID)
    var events: [WorkerEvent] = []
    for (task, answer) in zip(tasks, answers) {
      if (answer == .started) != model.isCurrent(task, id) { model.problem("start of \(task.taskID): \(answer)") }
      guard case .refused(let why) = answer else { continue }
      events.append(.entitlementLost(runID: task.runID, why == "cancelled" ? .cancelled : .leaseLost))
    }
    return (.started, events)
  }

  private mutating func complete(
    _ messages: [SimulatedWorker.Message], _ place: Int
  ) async throws -> (Deed, [WorkerEvent]) {
    let id = workers[place].id
    let runs = messages.compactMap { message in
      if case .complete(let task, let figures, let emitted, let next) = message.action {
        RunCompletion(
          task: task, figures: figures, emitted: emitted, notification: "{\"run\":\"\(task.runID)\"}", claimsNext: next)
      } else {
        nil
      }
    }
    let answers = try await workers[place].queue.complete(runs, workerID: id, requestID: messages[0].requestID)
    var (accepted, refused): (Set<String>, Set<String>) = ([], [])
    var events: [WorkerEvent] = []
    for (place, run) in runs.enumerated() {
      if judge(run, id, answers[place]) { accepted.insert(run.task.runID) } else { refused.insert(run.task.runID) }
      events.append(.completeAnswered(runID: run.task.runID, answers[place], sentAt: messages[place].sentAt))
    }
    return (.complete(worker: id, accepted: accepted, refused: refused), events)
  }

  /// - Returns: whether it was accepted.
  private mutating func judge(_ run: RunCompletion, _ worker: String, _ answer: CompleteAnswer) -> Bool {
    let (task, figures, emitted) = (run.task, run.figures, run.emitted ?? 0)
    let fact = model.tasks[task.taskID]
    let wasDone = fact?.state == .done && fact?.run == task.runID
    let isRight = model.isCurrent(task, worker) && model.taken[task.runID, default: 0] == emitted
    guard case .accepted = answer else {
      if isRight || wasDone { model.problem("\(task.taskID) is refused: \(answer)") }
      return false
    }
    if !isRight, !wasDone {
      model.problem("\(task.taskID) is accepted as \(task.runID), and is \(String(describing: fact))")
    }
    for host in figures.hosts where !wasDone {
      model.hosts.rest(fact?.host ?? "", until: model.now + (host.wait?.milliseconds ?? 0))
    }
    return true
  }

  /// First the ledger, in a turn of its own, then Redis.
  private mutating func settle(
    _ entry: PendingEntry, _ message: SimulatedWorker.Message, _ place: Int
  ) async throws -> (Deed, [WorkerEvent])? {
    guard message.isRecorded else {
      if !hasFaults || !chance.happens(10) { try await record([entry]) }
      return nil
    }
    try await workers[place].queue.settle([entry], requestID: message.requestID)
    return (.settle(tasks: [entry.entry.taskID ?? ""]), [.settled(count: 1)])
  }

  mutating func record(_ entries: [PendingEntry]) async throws {
    for entry in entries {
      try await writer.append([entry.entry], jobID: entry.jobID)
      recorded.insert(entry.id)
    }
  }

  // MARK: runs

  /// One script goes on a little.
  mutating func run() async throws -> Deed {
    let ready = runs.keys.sorted().filter { run in awake.contains { workers[$0].id == runs[run]?.worker } }
    guard let id = chance.some(ready), let run = runs[id],
      let place = workers.firstIndex(where: { $0.id == run.worker })
    else { return .nothing }
    if run.stop != nil { return end(id, place, .failed(.release, reason: "stopped", RunFigures(outcome: nil))) }
    guard run.hasBegun else { return start(id, place) }
    if hasFaults, chance.happens(12) { return fail(id, place) }
    // Now and then its completion overtakes its last emissions.
    let isHasty = hasFaults && run.sent < run.work.count && chance.happens(5)
    guard run.sent < run.work.count, !isHasty else {
      var figures = RunFigures(outcome: .success, eventCount: 1, itemCount: 1)
      if hasFaults, chance.happens(10) {
        figures.hosts = [HostNote(host: "", wait: .seconds(1 + chance.below(15)))]
      }
      runs[id]?.sent = run.work.count
      return end(id, place, .accepted(figures))
    }
    return try await emit(id, run, place)
  }

  private mutating func start(_ id: String, _ place: Int) -> Deed {
    guard let run = runs[id] else { return .nothing }
    runs[id]?.hasBegun = true
    if !run.isForgotten, let problem = model.hosts.start(id, run.host, model.jobs, at: model.now) {
      model.problem(problem)
    }
    handle(place, .executorStarted(runID: id))
    return .nothing
  }

  private mutating func fail(_ id: String, _ place: Int) -> Deed {
    let kinds: [TaskResult.FailureKind] = [.app, .app, .app, .crash, .crash, .blocked, .release, .storage, .unrunnable]
    let kind = chance.pick(kinds)
    var figures = RunFigures(outcome: nil)
    if kind == .blocked { figures.hosts = [HostNote(host: "", hasRefused: true, wait: .seconds(chance.below(15)))] }
    return end(id, place, .failed(kind, reason: "boom", figures))
  }

  private mutating func end(_ id: String, _ place: Int, _ result: TaskResult) -> Deed {
    guard let run = runs.removeValue(forKey: id) else { return .nothing }
    handle(place, .runEnded(runID: id, result, emitted: run.sent))
    return .nothing
  }

  private mutating func emit(_ id: String, _ run: SimulatedRun, _ place: Int) async throws -> Deed {
    let way = delivery()
    if way == .isLost { return .nothing }
    let work = Array(run.work[run.sent..<min(run.sent + 1 + chance.below(2), run.work.count)])
    let answer = try await workers[place].queue.emit(
      work, by: run.task, workerID: run.worker, requestID: chance.id())
    let isCurrent = model.isCurrent(run.task, run.worker)
    switch answer {
    case .taken:
      if !isCurrent { model.problem("\(run.task.taskID) emits and is not current") }
      let isNew = run.sent + work.count > model.taken[id, default: 0]
      if isNew, last.outbox >= Mutant.outboxLimit { model.problem("the outbox of \(last.outbox) takes more") }
      model.taken[id] = max(model.taken[id, default: 0], run.sent + work.count)
      for item in work {
        model.jobs[run.task.jobID]?.emitted.insert(String(item.params.split(separator: "\"")[3]))
      }
      if way == .arrives { runs[id]?.sent += work.count }
    case .full: break
    case .refused(let why):
      let isGap = run.sent > model.taken[id, default: 0]
      if isCurrent, !isGap { model.problem("\(run.task.taskID) may not emit: \(why)") }
      if way == .arrives { handle(place, .entitlementLost(runID: id, why == "cancelled" ? .cancelled : .leaseLost)) }
    }
    return .nothing
  }
}

extension WorkerEvent {
  fileprivate var handsOutWork: Bool {
    if case .claimAnswered(let answer, _) = self { !answer.tasks.isEmpty } else { false }
  }
}

extension FleetModel {
  func isCurrent(_ task: TaskAssignment, _ worker: String) -> Bool {
    guard let fact = tasks[task.taskID] else { return false }
    return fact.state == .leased && fact.run == task.runID && fact.epoch == task.epoch && fact.owner == worker
      && !fact.isCancelling
  }
}

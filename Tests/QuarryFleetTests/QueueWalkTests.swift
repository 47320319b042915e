import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Random transitions by three workers and two admitters, some sent twice, with time passing; a model in the test says
/// what may be true. After each seed all that is left is drained and everything must add up.
@Suite(.timeLimit(.minutes(5))) struct QueueWalkTests {
  @Test(arguments: Array(UInt64(1)...12))
  func whateverHappensNothingIsLostOrCountedTwice(_ seed: UInt64) async throws {
    var walk = try await Walk(seed: seed)
    for _ in 0..<150 { try await walk.step() }
    try await walk.drain()
    let problems = walk.problems
    #expect(problems.isEmpty, "seed \(seed): \(problems.prefix(3))")
  }

  private struct Walk {
    let bench: QueueBench
    var random: SeededGenerator
    /// Claims as the workers know them; stale ones are kept, to be tried later.
    var held: [(worker: String, task: TaskAssignment, emitted: Int)] = []
    var stale: [(worker: String, task: TaskAssignment)] = []
    var accepted: [String: String] = [:]
    var epochs: [String: Int64] = [:]
    var cancelled: Set<String> = []
    var problems: [String] = []
    var url = 0
    let workers = ["a", "b", "c"]

    init(seed: UInt64) async throws {
      bench = try await QueueBench.make()
      random = SeededGenerator(seed: seed)
      for worker in workers { try await bench.join(worker) }
      for job in ["one", "two"] {
        try await bench.submit(job, depth: 4, maxRuns: job == "one" ? 25 : nil) {
          $0.retries.attempts = 3
          $0.retries.blocks = 3
        }
      }
      _ = try await bench.raw.send(["HSET", .text(bench.queue.keys.host("h1")), "slots", "1"])
      _ = try await bench.raw.send(["HSET", .text(bench.queue.keys.host("h2")), "gap_ms", "2000"])
    }

    mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    mutating func step() async throws {
      switch pick(14) {
      case 0...2: try await claim()
      case 3: try await start()
      case 4, 5: try await emit()
      case 6, 7: try await complete()
      case 8: try await fail()
      case 9: try await bench.admit(1 + pick(20))
      case 10: try await passTime()
      case 11: try await hold()
      case 12: try await end()
      default: try await tryStale()
      }
      if pick(5) == 0 { problems += try await bench.census() }
    }

    /// Somebody holds something back, or lets it go on.
    mutating func hold() async throws {
      let verbs: [ControlVerb] = [.pause, .resume, .drain, .resume]
      switch pick(4) {
      case 0: _ = try await bench.queue.control(verbs[pick(2)], .fleet)
      case 1: _ = try await bench.queue.control(verbs[pick(2)], .worker(workers[pick(3)]))
      default: _ = try await bench.queue.control(verbs[pick(4)], .job(["one", "two"][pick(2)]))
      }
    }

    /// Somebody cancels a task, or requeues what is dead.
    mutating func end() async throws {
      guard pick(3) > 0 else {
        try await bench.settleAll()
        _ = try await bench.queue.requeue(jobID: ["one", "two"][pick(2)], onlyLooks: false)
        return
      }
      let tasks = try await bench.queue.listTasks(limit: 40).filter { ![.done, .dead].contains($0.state) }
      guard !tasks.isEmpty, pick(3) == 0 else { return }
      let task = tasks[pick(tasks.count)].taskID
      if case .done = try await bench.queue.cancel(taskID: task) { cancelled.insert(task) }
    }

    mutating func claim() async throws {
      let (worker, count, request) = (workers[pick(3)], 1 + pick(3), UUIDv7.make())
      let tasks = try await bench.claim(worker, count, request: request)
      if pick(3) == 0, try await bench.claim(worker, count, request: request) != tasks {
        problems.append("claim is not repeatable")
      }
      for task in tasks { note(worker, task) }
    }

    mutating func note(_ worker: String, _ task: TaskAssignment) {
      if accepted[task.taskID] != nil { problems.append("\(task.taskID) runs again after it was accepted") }
      if cancelled.contains(task.taskID) { problems.append("\(task.taskID) is handed out, and was cancelled") }
      if task.epoch <= epochs[task.taskID, default: 0] { problems.append("epoch of \(task.taskID) did not grow") }
      epochs[task.taskID] = task.epoch
      held.append((worker, task, 0))
    }

    mutating func start() async throws {
      guard !held.isEmpty else { return }
      let entry = held[pick(held.count)]
      try await bench.queue.started(entry.task, workerID: entry.worker, requestID: UUIDv7.make())
    }

    mutating func emit() async throws {
      guard !held.isEmpty else { return }
      let place = pick(held.count)
      let entry = held[place]
      let count = 1 + pick(4)
      let work = (0..<count).map { offset in
        bench.work(
          entry.emitted + offset, "http://h\(pick(4))/\(pick(2) == 0 ? pick(30) : url + offset)",
          lane: ["high", "default", "low"][pick(3)], delay: pick(4) == 0 ? pick(3_000) : nil)
      }
      url += count
      let answer = try await bench.emit(work, by: entry.task, entry.worker)
      if pick(3) == 0 { try await bench.emit(work, by: entry.task, entry.worker) }
      if answer == .taken { held[place].emitted += count } else { lose(place) }
    }

    mutating func complete() async throws {
      guard !held.isEmpty else { return }
      let place = pick(held.count)
      let entry = held[place]
      let (request, next) = (UUIDv7.make(), pick(2) == 0)
      let answer = try await bench.complete(
        entry.task, entry.worker, emitted: entry.emitted, next: next, request: request)
      if pick(3) == 0 {
        let again = try await bench.complete(
          entry.task, entry.worker, emitted: entry.emitted, next: next, request: request)
        if undated(again) != undated(answer) { problems.append("complete is not repeatable: \(answer) then \(again)") }
      }
      guard case .accepted(_, let following) = answer else { return lose(place) }
      held.remove(at: place)
      if let run = accepted[entry.task.taskID] {
        problems.append("\(entry.task.taskID) accepted twice, before: \(run)")
      }
      if cancelled.contains(entry.task.taskID) { problems.append("\(entry.task.taskID) accepted, and was cancelled") }
      accepted[entry.task.taskID] = entry.task.runID
      for task in following?.tasks ?? [] { note(entry.worker, task) }
    }

    /// Without the time until something is due, which passes between two repeats.
    func undated(_ answer: CompleteAnswer) -> CompleteAnswer {
      guard case .accepted(let entry, var next) = answer else { return answer }
      next?.nextDueMilliseconds = nil
      return .accepted(entry, next: next)
    }

    mutating func fail() async throws {
      guard !held.isEmpty else { return }
      let place = pick(held.count)
      let entry = held[place]
      let kinds: [TaskResult.FailureKind] = [.app, .crash, .blocked, .release, .storage]
      try await bench.fail(entry.task, kinds[pick(kinds.count)], entry.worker)
      held.remove(at: place)
    }

    mutating func passTime() async throws {
      if pick(3) > 0 {
        for worker in workers {
          let tasks = held.filter { $0.worker == worker }.map(\.task)
          let answer = try await bench.queue.renew(tasks, workerID: worker, requestID: UUIDv7.make())
          for place in held.indices.reversed()
          where answer.lost.union(answer.cancelled).contains(held[place].task.runID) { lose(place) }
        }
      }
      try await bench.advance(.seconds(1 + pick(20)))
      try await bench.reap()
    }

    mutating func lose(_ place: Int) {
      let entry = held.remove(at: place)
      stale.append((entry.worker, entry.task))
    }

    /// What was lost once never counts again.
    mutating func tryStale() async throws {
      guard !stale.isEmpty else { return }
      let entry = stale[pick(stale.count)]
      if case .accepted = try await bench.complete(entry.task, entry.worker) {
        problems.append("a lost run was accepted")
      }
    }

    /// Faults stop: every task must come to its end.
    mutating func drain() async throws {
      _ = try await bench.queue.control(.resume, .fleet)
      for job in ["one", "two"] { _ = try await bench.queue.control(.resume, .job(job)) }
      let bench = bench
      held = []
      try await bench.drain(workers) { task in
        note("last", task)
        try await bench.start(task, "last")
        if case .accepted = try await bench.complete(task, "last") {
          accepted[task.taskID] = task.runID
        } else {
          problems.append("refused while draining")
        }
      }
      problems += try await bench.census()
      try await check()
    }

    mutating func check() async throws {
      var done = 0
      for job in try await bench.queue.jobs(limit: 5) {
        let status = job.status
        if !status.isFinished { problems.append("\(job.jobID) is not finished: \(status)") }
        if status.admitted != status.done + status.dead + status.cancelled {
          problems.append("\(job.jobID) lost tasks: \(status)")
        }
        if let most = job.maxRuns, status.admitted > most {
          problems.append("\(job.jobID) has \(status.admitted) tasks")
        }
        done += status.done
      }
      let ended = try await bench.queue.listTasks(state: .cancelled, limit: 1_000).map(\.taskID)
      if Set(ended) != cancelled { problems.append("\(ended.count) are cancelled, \(cancelled.count) were") }
      if done != accepted.count { problems.append("Redis counts \(done) done, the workers \(accepted.count)") }
      if try await bench.queue.fleetView().outbox > 0 { problems.append("work is left in the outbox") }
    }
  }
}

/// The same sequence for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

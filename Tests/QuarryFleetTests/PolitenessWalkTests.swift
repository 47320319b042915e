import QuarryCore
import QuarryFleet
import RedisClient
import Testing

/// Random transitions of jobs with different bounds, which change, on shared hosts, by workers of which some die in the middle
/// of a run, with a model that knows nothing of Redis: it counts who is at which host, until when at the latest, and when runs began.
@Suite(.timeLimit(.minutes(5))) struct PolitenessWalkTests {
  @Test(arguments: Array(UInt64(1)...10))
  func slotsSpacingAndRestsAreNeverExceededWhateverDies(_ seed: UInt64) async throws {
    var walk = try await Walk(seed: seed)
    for _ in 0..<200 { try await walk.step() }
    try await walk.drain()
    let problems = walk.problems
    #expect(problems.isEmpty, "seed \(seed): \(problems.prefix(3))")
    #expect(walk.starts >= 15, "seed \(seed) proves nothing")
  }

  private struct Bounds {
    var slots: Int?
    /// In ms.
    var gap: Int64 = 0
    var running: Int?
    var pages: Int?
  }

  private struct Run {
    let worker: String
    let task: TaskAssignment
    let host: String
    /// Spacing at its host when it was claimed, in ms.
    let gap: Int64
    /// Last moment at which an executor of this claim may still run.
    var deadline: Int64
    var hasBegun = false
    /// Its worker is dead: nobody renews, nobody reports.
    var isOrphan = false
    var emitted = 0
  }

  private struct Walk {
    static let lease: Int64 = 30_000
    var jobs: [String: Bounds] = [
      "slots": Bounds(slots: 2), "gap": Bounds(gap: 25_000, running: 3), "free": Bounds(pages: 6),
    ]
    let bench: QueueBench
    var random: SeededGenerator
    var runs: [Run] = []
    /// Jobs that have had work at a host; none of them ends before the drain.
    var comers: [String: Set<String>] = [:]
    var lastStart: [String: (at: Int64, byGap: Bool)] = [:]
    var rests: [String: Int64] = [:]
    var pages: [String: Set<String>] = [:]
    var problems: [String] = []
    var starts = 0
    var url = 0
    let workers = ["a", "b", "c"]

    init(seed: UInt64) async throws {
      bench = try await QueueBench.make()
      random = SeededGenerator(seed: seed)
      for worker in workers { try await bench.join(worker) }
      for (job, bounds) in jobs.sorted(by: { $0.key < $1.key }) {
        try await bench.submit(job, depth: 5) {
          $0.politeness.hostConcurrency = bounds.slots
          $0.politeness.hostDelay = bounds.gap > 0 ? .milliseconds(bounds.gap) : nil
          $0.politeness.jobConcurrency = bounds.running
          $0.politeness.hostMaxPages = bounds.pages
          $0.retries.crashes = 50
          $0.retries.blocks = 50
          $0.retries.attempts = 50
        }
      }
      try await bench.set(bench.queue.keys.host("h3"), ["slots": 1, "gap_ms": 7_000])
    }

    mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    mutating func step() async throws {
      switch pick(15) {
      case 0...3: try await claim()
      case 4, 5: try await begin()
      case 6, 7: try await emit()
      case 8, 9: try await complete()
      case 10: try await fail()
      case 11: try await die()
      case 12: try await changeBounds()
      default: try await passTime()
      }
      if pick(8) == 0 { problems += try await bench.census() }
    }

    // MARK: the model

    /// The strictest of all that have a say at the host.
    func bounds(of host: String) -> (slots: Int, gap: Int64) {
      var (slots, gap) = host == "h3" ? (1, Int64(7_000)) : (Int.max, Int64(0))
      for job in comers[host, default: []] {
        slots = min(slots, jobs[job]?.slots ?? .max)
        gap = max(gap, jobs[job]?.gap ?? 0)
      }
      return (slots, gap)
    }

    mutating func note(_ worker: String, _ task: TaskAssignment) async throws {
      guard let view = try await bench.queue.task(task.taskID)?.task, let claimedAt = view.claimedAt else {
        return problems.append("\(task.taskID) is not known")
      }
      let (host, at) = (view.host ?? "", claimedAt.nanoseconds / 1_000_000)
      if !host.isEmpty {
        comers[host, default: []].insert(task.jobID)
        check(task, host, at)
        pages[task.jobID + " " + host, default: []].insert(task.taskID)
      }
      let gap = host.isEmpty ? 0 : bounds(of: host).gap
      runs.append(Run(worker: worker, task: task, host: host, gap: gap, deadline: at + Self.lease))
      let running = runs.filter { $0.task.jobID == task.jobID && $0.deadline >= at }.count
      if running > jobs[task.jobID]?.running ?? .max {
        problems.append("\(task.jobID) has \(running) tasks running")
      }
    }

    mutating func check(_ task: TaskAssignment, _ host: String, _ at: Int64) {
      let (slots, gap) = bounds(of: host)
      let there = runs.filter { $0.host == host && $0.deadline >= at }
      if there.count >= slots { problems.append("\(host) gets a task beside \(there.count), bound \(slots)") }
      if gap > 0, there.contains(where: { !$0.hasBegun }) { problems.append("\(host) gets a task while one starts") }
      if let rest = rests[host], at < rest { problems.append("\(host) rests for \(rest - at) ms more") }
    }

    /// An executor begins, whether Redis is told of it or not.
    mutating func noteStart(_ place: Int, at: Int64) {
      let host = runs[place].host
      runs[place].hasBegun = true
      starts += 1
      guard !host.isEmpty else { return }
      let gap = runs[place].gap
      // What began before there was any spacing at the host is not remembered.
      if let last = lastStart[host], last.byGap, at < last.at + gap {
        problems.append("starts at \(host) are \(at - last.at) ms apart, not \(gap)")
      }
      lastStart[host] = (at, bounds(of: host).gap > 0)
    }

    // MARK: what happens

    mutating func claim() async throws {
      let worker = workers[pick(3)]
      guard isUp(worker) else { return }
      for task in try await bench.claim(worker, 1 + pick(3)) { try await note(worker, task) }
    }

    /// A run that can still be spoken for.
    mutating func some(_ fits: (Run) -> Bool = { _ in true }) -> Int? {
      let places = runs.indices.filter { !runs[$0].isOrphan && fits(runs[$0]) }
      return places.isEmpty ? nil : places[pick(places.count)]
    }

    mutating func begin() async throws {
      guard let place = some({ !$0.hasBegun }) else { return }
      let run = runs[place]
      guard try await bench.start(run.task, run.worker) else { return lose(place) }
      let at = try await bench.queue.task(run.task.taskID)?.task.startedAt.map { $0.nanoseconds / 1_000_000 }
      if let at { noteStart(place, at: at) } else { problems.append("no start of \(run.task.taskID)") }
    }

    mutating func emit() async throws {
      guard let place = some() else { return }
      let run = runs[place]
      let hosts = (0...pick(3)).map { _ in "h\(pick(4))" }
      let work = hosts.enumerated().map { offset, host in
        bench.work(
          run.emitted + offset, "http://\(host)/\(url + offset)", lane: ["high", "default", "low"][pick(3)],
          delay: pick(4) == 0 ? pick(20_000) : nil)
      }
      url += hosts.count
      guard try await bench.emit(work, by: run.task, run.worker) == .taken else { return lose(place) }
      runs[place].emitted += work.count
      try await bench.admit()
    }

    /// A root goes on until the drain, so that there is work and all bounds hold.
    mutating func complete() async throws {
      guard let place = some({ !$0.host.isEmpty }) else { return }
      let run = runs[place]
      let before = try await bench.now()
      let wait: Duration? = pick(4) == 0 ? .seconds(5 + pick(30)) : nil
      let next = pick(2) == 0
      let answer = try await bench.complete(
        run.task, run.worker, emitted: run.emitted, next: next,
        hosts: run.host.isEmpty ? [] : [HostNote(host: run.host, hasAnswered: wait == nil, wait: wait)])
      guard case .accepted(_, let following) = answer else { return lose(place) }
      // What had not begun has begun and ended in one.
      if !run.hasBegun { noteStart(place, at: before) }
      end(place, resting: wait, since: before)
      for task in following?.tasks ?? [] { try await note(run.worker, task) }
    }

    mutating func fail() async throws {
      guard let place = some({ !$0.host.isEmpty }) else { return }
      let run = runs[place]
      let before = try await bench.now()
      let kinds: [TaskResult.FailureKind] = [.app, .crash, .blocked, .release, .storage]
      let kind = kinds[pick(kinds.count)]
      let hosts = kind == .blocked ? [HostNote(host: "", hasRefused: true, wait: .seconds(pick(20)))] : []
      let next = try await bench.fail(run.task, kind, run.worker, hosts: hosts).next
      guard next == "scheduled" || next == "ready" else { return lose(place) }
      if !run.hasBegun, kind != .release, kind != .storage { noteStart(place, at: before) }
      end(place, resting: hosts.first?.wait, since: before)
    }

    mutating func end(_ place: Int, resting wait: Duration?, since: Int64) {
      let host = runs.remove(at: place).host
      if let wait, !host.isEmpty { rests[host] = max(rests[host] ?? 0, since + wait.milliseconds) }
    }

    mutating func changeBounds() async throws {
      let keys = bench.queue.keys
      if pick(2) == 0 {
        let slots = 1 + pick(3)
        jobs["slots"]?.slots = slots
        return try await bench.set(keys.job("slots"), ["host_slots": slots])
      }
      let gap = 5_000 + pick(4) * 10_000
      jobs["gap"]?.gap = Int64(gap)
      try await bench.set(keys.job("gap"), ["host_gap_ms": gap])
      _ = try await bench.raw.send(["HSET", .text(bench.meta), "asking", "1 -inf"])
    }

    /// A worker dies; executors may begin before that, and Redis hears nothing. It comes again soon, or its leases end.
    mutating func die() async throws {
      let worker = workers[pick(3)]
      for place in runs.indices where runs[place].worker == worker {
        if !runs[place].hasBegun, pick(2) == 0 { noteStart(place, at: try await bench.now()) }
        runs[place].isOrphan = true
      }
      guard pick(2) == 0 else { return }
      try await bench.join(worker)
      runs.removeAll { $0.worker == worker }
    }

    /// Whether the worker lives: a dead one is missed until its last lease is over.
    func isUp(_ worker: String) -> Bool { !runs.contains { $0.worker == worker && $0.isOrphan } }

    mutating func lose(_ place: Int) { runs.remove(at: place) }

    mutating func passTime() async throws {
      for worker in workers where isUp(worker) && pick(4) > 0 {
        let named = runs.indices.filter { runs[$0].worker == worker }
        let before = try await bench.now()
        let lost = try await bench.queue.renew(
          named.map { runs[$0].task }, workerID: worker, requestID: UUIDv7.make()
        ).lost
        for place in named.reversed() {
          if lost.contains(runs[place].task.runID) {
            lose(place)
          } else {
            runs[place].deadline = max(runs[place].deadline, before + Self.lease)
          }
        }
      }
      try await bench.advance(.seconds(1 + pick(15)))
      try await bench.reap()
      let now = try await bench.now()
      runs.removeAll { $0.isOrphan && $0.deadline < now }
    }

    // MARK: the end

    mutating func drain() async throws {
      let bench = bench
      runs = []
      try await bench.drain(workers) { task in
        try await bench.start(task, "last")
        if case .refused(let why) = try await bench.complete(task, "last") { problems.append("refused: \(why)") }
      }
      problems += try await bench.census()
      for job in try await bench.queue.jobs(limit: 5) where !job.status.isFinished {
        problems.append("\(job.jobID) is not finished: \(job.status)")
      }
      for (place, tasks) in pages {
        let most = jobs[String(place.prefix { $0 != " " })]?.pages ?? .max
        if tasks.count > most { problems.append("\(place) had \(tasks.count) pages") }
      }
    }
  }
}

import QuarryCore
import RedisClient

/// Compares what a fleet counts with what it holds: every task with every structure that may have it, each job's counters
/// with its lists, every list with its tasks.
///
/// It walks all keys of Redis with SCAN, some hundred at a time, so that Redis serves others in between. What one step
/// finds wrong is wrong, also in a fleet at work; sums over all steps are compared only when nothing moved meanwhile.
package struct Census: Sendable {
  private let queue: FleetQueue
  private var report: CensusReport
  private var seen: Set<UInt64> = []
  /// What tasks say of where they are.
  private var states: [String: [TaskState: Int]] = [:]
  private var ready: [ReadyList: Tally] = [:]
  private var held: [String: Int] = [:]
  private var slots: [String: Int] = [:]
  /// Lists of ready tasks that there are.
  private var lists: [ReadyList: Tally] = [:]

  private struct ReadyList: Hashable {
    var lane: String
    var job: String
    var host: String
    var name: String { "ready:\(lane):\(job):\(host)" }
  }
  /// Tasks, whatever their order: how many, and the sum of their hashes.
  private struct Tally: Equatable {
    var count = 0
    var sum: UInt64 = 0

    mutating func add(_ task: String) {
      count += 1
      sum &+= Census.hash(task)
    }
  }
  private static let batch = 500

  /// For a Redis that many fleets share: looks only at tasks that their jobs list.
  /// - Returns: one line for each thing that is off; empty when all agrees.
  package static func take(_ queue: FleetQueue) async throws(QuarryError) -> [String] {
    try await report(queue, scansKeys: false).problems
  }

  /// - Parameter scansKeys: looks at every key, also at those that nothing leads to.
  package static func report(_ queue: FleetQueue, scansKeys: Bool = true) async throws(QuarryError) -> CensusReport {
    var census = Census(queue: queue)
    let before = try await census.movement()
    if scansKeys { try await census.scan() } else { try await census.followLists() }
    for list in Set(census.ready.keys).union(census.lists.keys) { try await census.check(list) }
    let jobs = try await census.checkJobs()
    try await census.checkUnsettled()
    census.report.hasMoved = try await census.movement() != before
    if !census.report.hasMoved { try await census.compareSums(jobs) }
    return census.report
  }

  private init(queue: FleetQueue) {
    self.queue = queue
    report = CensusReport(
      remedy:
        "what a job JOB lacks comes back from its ledger: take away the key \(queue.keys.job("JOB")), then run: \(queue.flags.rebuild("JOB"))"
    )
  }

  /// Something that every transition changes.
  private func movement() async throws(QuarryError) -> [String] {
    let served = try await words(["HMGET", .text(queue.keys.meta), "served", "control", "term"])
    let last = try await ask(["XREVRANGE", .text(queue.keys.events), "+", "-", "COUNT", "1"])
    var marks = served + [last[0]?[0]?.text ?? ""]
    for (command, key) in [
      ("ZCARD", queue.keys.leases), ("ZCARD", queue.keys.scheduled), ("LLEN", queue.keys.outbox),
      ("ZCARD", queue.keys.unsettled),
    ] { marks.append("\(try await number([.text(command), .text(key)]))") }
    return marks
  }

  // MARK: every key

  private mutating func scan() async throws(QuarryError) {
    var cursor = "0"
    repeat {
      let page = try await ask(["SCAN", .text(cursor), "MATCH", .text(pattern), "COUNT", "1000"])
      guard let next = page[0]?.text, let keys = page[1]?.elements else {
        throw FleetQueue.unexpected(page, from: "SCAN")
      }
      cursor = next
      let names = keys.compactMap(\.text)
      try await checkTypes(of: names)
      try await look(at: names)
    } while cursor != "0"
  }

  /// No character of a fleet's name means anything in a pattern.
  private var pattern: String { queue.keys.prefix + "*" }

  private mutating func look(at keys: [String]) async throws(QuarryError) {
    var tasks: [String] = []
    for key in keys where seen.insert(Self.hash(key)).inserted {
      let name = key.dropFirst(queue.keys.prefix.count)
      if name.hasPrefix("task:") { tasks.append(String(name.dropFirst("task:".count))) }
      if name.hasPrefix("ready:"), let list = readyList(name) { lists[list] = Tally() }
      // Those that no task names must be empty.
      if name.hasPrefix("held:") { held[String(name.dropFirst("held:".count)), default: 0] += 0 }
      if name.hasPrefix("slots:") { slots[String(name.dropFirst("slots:".count)), default: 0] += 0 }
    }
    for start in stride(from: 0, to: tasks.count, by: Self.batch) {
      try await check(Array(tasks[start..<min(start + Self.batch, tasks.count)]))
    }
  }

  private mutating func checkTypes(of keys: [String]) async throws(QuarryError) {
    for start in stride(from: 0, to: keys.count, by: 1_000) {
      let names = keys[start..<min(start + 1_000, keys.count)].map { $0.dropFirst(queue.keys.prefix.count) }
      note(try await queue.call(.censusKeys, names.map { .text(String($0)) }))
    }
  }

  private mutating func followLists() async throws(QuarryError) {
    for job in try await words(["ZRANGE", .text(queue.keys.jobs), "0", "-1"]) {
      for state in TaskState.allCases {
        let tasks = try await words(["ZRANGE", .text(queue.keys.index(job, state)), "0", "-1"])
        try await look(at: tasks.map { queue.keys.task($0) })
      }
    }
  }

  private func readyList(_ name: Substring) -> ReadyList? {
    let parts = name.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    return ReadyList(lane: String(parts[1]), job: String(parts[2]), host: String(parts[3]))
  }

  private mutating func check(_ tasks: [String]) async throws(QuarryError) {
    let reply = try await queue.call(.censusTasks, tasks.map { .text($0) })
    guard let views = reply[0]?.elements, views.count == tasks.count else {
      throw FleetQueue.unexpected(reply, from: "census_tasks")
    }
    note(reply[1])
    for (task, view) in zip(tasks, views) {
      guard let fields = view.elements?.map({ $0.text ?? "" }), fields.count == 5 else { continue }
      guard let state = TaskState(rawValue: fields[1]) else {
        report.add("task \(task) is '\(fields[1])', which is no state")
        continue
      }
      count(task, state, job: fields[0], lane: fields[2], host: fields[3], owner: fields[4])
    }
  }

  private mutating func count(
    _ task: String, _ state: TaskState, job: String, lane: String, host: String, owner: String
  ) {
    report.tasks += 1
    states[job, default: [:]][state, default: 0] += 1
    switch state {
    case .ready: ready[ReadyList(lane: lane, job: job, host: host), default: Tally()].add(task)
    case .leased:
      held[owner, default: 0] += 1
      if !host.isEmpty { slots[host, default: 0] += 1 }
    case .scheduled, .done, .dead, .cancelled: break
    }
  }

  // MARK: lists and jobs

  private mutating func check(_ list: ReadyList) async throws(QuarryError) {
    var tally = Tally()
    var length = 1
    var from = 0
    while from < length {
      let reply = try await queue.call(
        .censusList,
        [
          .text(list.lane), .text(list.job), .text(list.host), .integer(Int64(from)), .integer(Int64(Self.batch)),
        ])
      guard let all = reply[0]?.int, let tasks = reply[1]?.elements else {
        throw FleetQueue.unexpected(reply, from: "census_list")
      }
      note(reply[2])
      for task in tasks { tally.add(task.text ?? "") }
      length = Int(all)
      from += Self.batch
    }
    lists[list] = tally
  }

  /// - Returns: what each job's lists of states have.
  private mutating func checkJobs() async throws(QuarryError) -> [String: [TaskState: Int]] {
    var found: [String: [TaskState: Int]] = [:]
    var offset = 0
    while true {
      let jobs = try await words(["ZRANGE", .text(queue.keys.jobs), "\(offset)", "\(offset + Self.batch - 1)"])
      for job in jobs {
        let reply = try await queue.call(.censusJob, [.text(job)])
        guard let counts = reply[0]?.elements?.map({ Int($0.int ?? 0) }), counts.count == 6 else {
          report.add(
            "job \(job) is missing: \(queue.keys.job(job)) is not there or has no state, and nothing of the job is handed out; it comes back from its ledger with: \(queue.flags.rebuild(job))"
          )
          continue
        }
        note(reply[1])
        let states: [TaskState] = [.ready, .scheduled, .leased, .done, .dead, .cancelled]
        found[job] = Dictionary(uniqueKeysWithValues: zip(states, counts))
        report.jobs.append(CensusReport.Job(jobID: job, listed: found[job] ?? [:], told: self.states[job] ?? [:]))
      }
      if jobs.count < Self.batch { return found }
      offset += Self.batch
    }
  }

  /// Ends that nobody can write a ledger record for.
  private mutating func checkUnsettled() async throws(QuarryError) {
    for entry in try await words(["ZRANGE", .text(queue.keys.unsettled), "0", "\(Self.batch - 1)"]) {
      let parts = entry.split(separator: ":")
      let task = parts.count == 3 ? String(parts[1]) : ""
      if try await ask(["HGET", .text(queue.keys.task(task)), "job"]).text == nil {
        report.add("\(queue.keys.unsettled) has '\(entry)', of which there is no task: the ledger gets no record of it")
      }
    }
  }

  // MARK: sums

  private mutating func compareSums(_ jobs: [String: [TaskState: Int]]) async throws(QuarryError) {
    for (job, listed) in jobs {
      for state in TaskState.allCases {
        let (has, told) = (listed[state] ?? 0, states[job]?[state] ?? 0)
        expect(has == told, "job \(job) lists \(has) \(state.rawValue) tasks, \(told) say so")
      }
    }
    for (list, has) in lists {
      let told = ready[list] ?? Tally()
      let isTwice = has.count == told.count ? "; one is there twice" : ""
      expect(has == told, "\(list.name) has \(has.count) tasks, \(told.count) say so\(isTwice)")
    }
    let told = states.values.reduce(into: [TaskState: Int]()) { $0.merge($1) { $0 + $1 } }
    try await compare("scheduled", queue.keys.scheduled, told[.scheduled] ?? 0)
    try await compare("leases", queue.keys.leases, told[.leased] ?? 0)
    for (owner, count) in held { try await compare("held:" + owner, queue.keys.prefix + "held:" + owner, count) }
    for (host, count) in slots { try await compare("slots:" + host, queue.keys.prefix + "slots:" + host, count) }
  }

  private mutating func compare(_ name: String, _ key: String, _ told: Int) async throws(QuarryError) {
    let has = try await number(["ZCARD", .text(key)])
    expect(has == told, "\(name) has \(has) tasks, \(told) say so")
  }

  private mutating func expect(_ holds: Bool, _ problem: @autoclosure () -> String) {
    if !holds { report.add(problem()) }
  }

  private mutating func note(_ problems: RedisReply?) {
    for problem in problems?.elements ?? [] { report.add(problem.text ?? "") }
  }

  // MARK: asking

  /// - Returns: null for a key of another type, which is named where its type is looked at.
  private func ask(_ command: RedisCommand) async throws(QuarryError) -> RedisReply {
    let links = queue.links
    return try await queue.answer("census") { () async throws(RedisError) in
      do throws(RedisError) { return try await links.calls.send(command, repeatable: true) } catch {
        guard error.code == "WRONGTYPE" else { throw error }
        return .null
      }
    }
  }

  private func words(_ command: RedisCommand) async throws(QuarryError) -> [String] {
    (try await ask(command).elements ?? []).map { $0.text ?? "" }
  }

  private func number(_ command: RedisCommand) async throws(QuarryError) -> Int { Int(try await ask(command).int ?? 0) }

  /// FNV-1a: the same in every process, and enough to tell a million names apart.
  fileprivate static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

import QuarryCore
import RedisClient

/// Compares what a fleet counts with what it holds. For debugging and tests: it walks all tasks and is no snapshot, so
/// it means something only while nothing moves.
package struct Census: Sendable {
  private let queue: FleetQueue
  private var problems: [String] = []
  private var lists: [String: [String]] = [:]
  private var owners: [String: Set<String>] = [:]
  private var scheduled: Set<String> = []
  private var leased: Set<String> = []
  private var atHosts: [String: Set<String>] = [:]
  private var full: Set<String> = []

  /// - Returns: one line for each thing that is off; empty when all agrees.
  package static func take(_ queue: FleetQueue) async throws(QuarryError) -> [String] {
    var census = Census(queue: queue)
    for job in try await queue.jobs(limit: .max) { try await census.check(job) }
    try await census.checkStructures()
    try await census.checkHosts()
    try await census.checkOpen()
    return census.problems
  }

  private init(queue: FleetQueue) { self.queue = queue }

  private mutating func check(_ job: JobView) async throws(QuarryError) {
    var counts: [TaskState: Int] = [:]
    var seen: Set<String> = []
    for state in TaskState.allCases {
      let tasks = try await queue.listTasks(jobID: job.jobID, state: state, limit: .max)
      counts[state] = tasks.count
      for task in tasks {
        expect(task.state == state, "task \(task.taskID) is \(task.state) and listed as \(state)")
        expect(seen.insert(task.taskID).inserted, "task \(task.taskID) is listed twice")
        note(task)
      }
    }
    if let most = job.politeness.jobConcurrency, counts[.leased, default: 0] >= most { full.insert(job.jobID) }
    let trimmed = try await words(["HMGET", .text(queue.keys.job(job.jobID)), "trimmed_done", "trimmed_dead"])
    let (trimmedDone, trimmedDead) = (Int(trimmed[0]) ?? 0, Int(trimmed[1]) ?? 0)
    let status = job.status
    let final = counts[.done, default: 0] + counts[.cancelled, default: 0] + trimmedDone
    expect(
      status.done + status.cancelled == final,
      "job \(job.jobID) counts \(status.done) done and \(status.cancelled) cancelled, has \(final)")
    let dead = counts[.dead, default: 0] + trimmedDead
    expect(status.dead == dead, "job \(job.jobID) counts \(status.dead) dead, has \(dead)")
    let all = counts.values.reduce(0, +) + trimmedDone + trimmedDead
    expect(status.admitted == all, "job \(job.jobID) counts \(status.admitted) admitted, has \(all)")
    let prints = try await number(["HLEN", .text(queue.keys.fingerprints(job.jobID))])
    if !status.isFinished {
      expect(
        prints == status.admitted, "job \(job.jobID) admitted \(status.admitted) tasks and knows \(prints) fingerprints"
      )
    }
  }

  private mutating func note(_ task: TaskView) {
    switch task.state {
    case .ready: lists[queue.keys.ready(task.lane, task.jobID, task.host ?? ""), default: []].append(task.taskID)
    case .scheduled: scheduled.insert(task.taskID)
    case .leased:
      leased.insert(task.taskID)
      owners[task.owner ?? "", default: []].insert(task.taskID)
      if let host = task.host { atHosts[host, default: []].insert(task.taskID) }
    case .done, .dead, .cancelled: break
    }
  }

  private mutating func checkStructures() async throws(QuarryError) {
    for (list, tasks) in lists {
      let held = try await words(["LRANGE", .text(list), "0", "-1"])
      expect(held.sorted() == tasks.sorted(), "\(list) holds \(held), the tasks say \(tasks)")
    }
    let due = try await words(["ZRANGE", .text(queue.keys.scheduled), "0", "-1"])
    let (expectedDue, expectedLeases) = (scheduled, leased)
    expect(Set(due) == expectedDue, "scheduled holds \(due), the tasks say \(expectedDue)")
    let leases = try await words(["ZRANGE", .text(queue.keys.leases), "0", "-1"])
    expect(Set(leases) == expectedLeases, "leases holds \(leases), the tasks say \(expectedLeases)")
    for (owner, tasks) in owners {
      let held = try await words(["ZRANGE", .text(queue.keys.prefix + "held:" + owner), "0", "-1"])
      expect(Set(held) == tasks, "worker \(owner) holds \(held), the tasks say \(tasks)")
    }
  }

  /// A slot for each leased task, and nothing starting that has no slot.
  private mutating func checkHosts() async throws(QuarryError) {
    for (host, tasks) in atHosts {
      let held = Set(try await words(["ZRANGE", .text(queue.keys.prefix + "slots:" + host), "0", "-1"]))
      expect(held == tasks, "host \(host) has slots for \(held), the tasks say \(tasks)")
      let starting = Set(try await words(["SMEMBERS", .text(queue.keys.prefix + "starting:" + host)]))
      expect(starting.isSubset(of: tasks), "host \(host) has \(starting) starting, of \(tasks)")
    }
  }

  /// Every ready list must be reachable by a claim, now or when its host's gate opens.
  private mutating func checkOpen() async throws(QuarryError) {
    for list in lists.keys {
      let parts = list.dropFirst(queue.keys.prefix.count).split(
        separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
      let (lane, job, host) = (String(parts[1]), String(parts[2]), String(parts[3]))
      let listed = try await number(["SISMEMBER", .text(queue.keys.prefix + "hostjobs:\(lane):\(host)"), .text(job)])
      expect(listed == 1, "\(list) is not known to its host")
      let open = try await words(["ZRANGE", .text(queue.keys.prefix + "open:\(lane):\(job)"), "0", "-1"])
      guard open.contains(host) else {
        let waits = try await words(["ZRANGE", .text(queue.keys.prefix + "hosts:\(lane)"), "0", "-1"]).contains(host)
        let busy = try await number(["ZCARD", .text(queue.keys.prefix + "slots:\(host)")])
        expect(waits || busy > 0, "\(list) is out of reach: its host is neither open nor waiting nor busy")
        continue
      }
      let fields = try await words(["HMGET", .text(queue.keys.job(job)), "storage", "hold"])
      let rota = try await words(["ZRANGE", .text(queue.keys.prefix + "rota:\(lane):\(fields[0])"), "0", "-1"])
      if let hold = JobHold(rawValue: fields[1]), hold != .drain {
        expect(!rota.contains(job), "\(list) is in reach, although its job is to \(hold)")
      } else {
        expect(rota.contains(job) || full.contains(job), "\(list) is out of reach: its job is not in the rota")
      }
    }
  }

  private mutating func expect(_ holds: Bool, _ problem: @autoclosure () -> String) {
    if !holds { problems.append(problem()) }
  }

  private func words(_ command: RedisCommand) async throws(QuarryError) -> [String] {
    let links = queue.links
    let reply = try await FleetQueue.answer("census") { () async throws(RedisError) in
      try await links.calls.send(command, repeatable: true)
    }
    return (reply.elements ?? []).map { $0.text ?? "" }
  }

  private func number(_ command: RedisCommand) async throws(QuarryError) -> Int {
    let links = queue.links
    let reply = try await FleetQueue.answer("census") { () async throws(RedisError) in
      try await links.calls.send(command, repeatable: true)
    }
    return Int(reply.int ?? 0)
  }
}

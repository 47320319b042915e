import Foundation
import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport

// No-op tasks through the queue by one process, against a single connection's rate of a small script on the same server.
// Usage: queue-benchmark [tasks, default 10000] [slots, default 16]
let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
try await QueueBenchmark(tasks: arguments.first ?? 10_000, slots: arguments.dropFirst().first ?? 16).run()

struct QueueBenchmark {
  let tasks: Int
  let slots: Int

  func run() async throws {
    let server = try RedisServer.start()
    let endpoint = try RedisEndpoint(url: server.url)
    let redis = try await RedisConnection.connect(endpoint)
    let bare = try await bareRate(server, redis)
    let queue = try await FleetQueue.open(try await RedisConnection.connect(endpoint), fleet: "bench", actor: "w")
    try await submit(queue, "job")

    let before = try await calls(redis)
    let clock = ContinuousClock()
    let filled = try await clock.measure { try await fill(queue) }
    let memory = try await usedMemory(redis)
    let drained = try await clock.measure { try await drain(queue) }
    let trips = Double(try await calls(redis) - before) / Double(tasks)
    let status = try await queue.status(jobID: "job")
    guard status.done == tasks + 1 else { fatalError("not all done: \(status)") }
    let rate = Double(tasks) / seconds(filled + drained)
    print("bare EVALSHA, one connection     \(Int(bare)) a second")
    print("emitted and admitted             \(Int(Double(tasks) / seconds(filled))) tasks a second")
    print("claimed, started and completed   \(Int(Double(tasks) / seconds(drained))) tasks a second, \(slots) slots")
    print("all together                     \(Int(rate)) tasks a second, ratio \((rate / bare * 100).rounded() / 100)")
    print("script calls a task              \((trips * 100).rounded() / 100)")
    print("Redis memory a queued task       \(memory / tasks) bytes")
    try await claimCost(queue, redis)
    try await hostCost(queue, redis)
  }

  /// A job that no other job's work stands before: the worker writes to this job's storage from now on.
  private func submit(_ queue: FleetQueue, _ name: String, hostConcurrency: Int? = nil) async throws {
    let storage = StorageIdentity(backend: "fs", dataset: "quarry", id: name)
    try await queue.join(
      WorkerPresence(workerID: "w", host: "here", pid: 1, slots: slots, storage: storage, startedAt: .now()))
    var job = JobRequest(script: "root.ts", scriptRoot: "/", source: "bench", storage: storage)
    job.depth = 1
    job.politeness.hostConcurrency = hostConcurrency
    try await queue.submit(JobSubmission(jobID: name, rootTaskID: "\(name)-root", request: job, target: "root.ts"))
  }

  /// Claim time with few and with many tasks queued: it should not grow.
  private func claimCost(_ queue: FleetQueue, _ redis: RedisConnection) async throws {
    for size in [1_000, tasks * 2] {
      try await submit(queue, "cost\(size)")
      try await fill(queue, count: size)
      print("claim and fail with \(size) queued   \(try await claims(queue, redis)) µs a script in Redis")
    }
  }

  /// Claim time with a task on each of few and of many hosts that take one task at a time: it should not grow.
  private func hostCost(_ queue: FleetQueue, _ redis: RedisConnection) async throws {
    for hosts in [1_000, tasks * 10] {
      try await submit(queue, "hosts\(hosts)", hostConcurrency: 1)
      try await fill(queue, count: hosts, hosts: hosts)
      print("claim and fail with \(hosts) hosts   \(try await claims(queue, redis)) µs a script in Redis")
    }
  }

  private func claims(_ queue: FleetQueue, _ redis: RedisConnection) async throws -> String {
    _ = try await redis.send(["CONFIG", "RESETSTAT"])
    for _ in 0..<200 {
      guard let task = try await queue.claim(workerID: "w", count: 1, requestID: UUIDv7.make()).tasks.first else {
        break
      }
      _ = try await queue.fail(task, .unrunnable, reason: "", workerID: "w", requestID: UUIDv7.make())
    }
    let statistics = try await redis.send(["INFO", "commandstats"]).text ?? ""
    return field("usec_per_call", of: "cmdstat_evalsha", in: statistics)
  }

  private func fill(_ queue: FleetQueue, count: Int? = nil, hosts: Int = 50) async throws {
    guard let root = try await queue.claim(workerID: "w", count: 1, requestID: UUIDv7.make()).tasks.first else {
      fatalError("no root")
    }
    let total = count ?? tasks
    var next = 0
    while next < total {
      let batch = (next..<min(next + 250, total)).map { index in
        DerivedWork(index: index, target: "noop.ts", params: "{\"url\":\"http://h\(index % hosts).test/\(index)\"}")
      }
      _ = try await queue.emit(batch, by: root, workerID: "w", requestID: UUIDv7.make())
      next += batch.count
      _ = try await queue.admit(limit: 500, term: 0, requestID: UUIDv7.make())
    }
    _ = try await queue.complete(
      root, RunFigures(outcome: .success), emitted: total, notification: "", claimNext: false, workerID: "w",
      requestID: UUIDv7.make())
  }

  private func drain(_ queue: FleetQueue) async throws {
    let first = try await queue.claim(workerID: "w", count: slots, requestID: UUIDv7.make()).tasks
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in first { group.addTask { try await work(queue, from: task) } }
      try await group.waitForAll()
    }
  }

  /// One slot: each completion brings the next task; records count as written in batches of 50.
  private func work(_ queue: FleetQueue, from first: TaskAssignment) async throws {
    var current: TaskAssignment? = first
    var entries: [PendingEntry] = []
    while let task = current {
      try await queue.started(task, workerID: "w", requestID: UUIDv7.make())
      let answer = try await queue.complete(
        task, RunFigures(outcome: .success), emitted: 0, notification: "", claimNext: true, workerID: "w",
        requestID: UUIDv7.make())
      guard case .accepted(let entry, let next) = answer else { fatalError("refused: \(answer)") }
      if let entry { entries.append(entry) }
      current = next?.tasks.first
      if entries.count == 50 || current == nil {
        try await queue.settle(entries, requestID: UUIDv7.make())
        entries = []
      }
    }
  }

  private func bareRate(_ server: RedisServer, _ redis: RedisConnection) async throws -> Double {
    let sha = try await redis.send(["SCRIPT", "LOAD", "return redis.call('INCR', KEYS[1])"]).text ?? ""
    let result = try await runProcess(
      "/usr/bin/redis-benchmark",
      ["-s", server.socketPath, "-c", "1", "-n", "20000", "--csv", "evalsha", sha, "1", "counter"])
    let line = result.standardOutput.split(separator: "\n").last { $0.contains("evalsha") } ?? ""
    let rate = line.split(separator: ",").dropFirst().first.flatMap { Double($0.filter { $0 != "\"" }) }
    guard let rate else { fatalError("redis-benchmark printed: \(result.standardOutput)\(result.standardError)") }
    return rate
  }

  private func calls(_ redis: RedisConnection) async throws -> Int {
    let statistics = try await redis.send(["INFO", "commandstats"]).text ?? ""
    return Int(field("calls", of: "cmdstat_evalsha", in: statistics)) ?? 0
  }

  private func usedMemory(_ redis: RedisConnection) async throws -> Int {
    let memory = try await redis.send(["INFO", "memory"]).text ?? ""
    let line = memory.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory_dataset:") }
    return line.flatMap { Int($0.drop { $0 != ":" }.dropFirst()) } ?? 0
  }

  private func field(_ name: String, of command: String, in statistics: String) -> String {
    let line = statistics.split(whereSeparator: \.isNewline).first { $0.hasPrefix(command + ":") } ?? ""
    let part = line.drop { $0 != ":" }.dropFirst().split(separator: ",").first { $0.hasPrefix(name + "=") }
    return part.map { String($0.dropFirst(name.count + 1)) } ?? "?"
  }

  private func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }
}

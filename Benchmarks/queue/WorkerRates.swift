import Foundation
import QuarryCore
import QuarryFleet
import RedisClient
import TestSupport

/// No-op tasks through workers that are processes of their own, with ledger and notifications, against what a single
/// connection calls of a trivial script on the same server.
struct WorkerRates {
  let tasks: Int
  static let slots = 32

  func run() async throws {
    print("workers: \(tasks) tasks that do nothing, workers of \(Self.slots) slots")
    for workers in [1, 2] { try await measure(workers) }
  }

  private func measure(_ workers: Int) async throws {
    let server = try RedisServer.start()
    let redis = try await RedisConnection.connect(RedisEndpoint(url: server.url))
    let bare = try await bareRate(server, redis)
    let folder = TemporaryDirectory()
    let empty = try await ServerFigures.of(redis)
    let fleet = try await BenchFleet(server.url, folder: folder.path, actor: "pusher")
    let pushing = try await ContinuousClock().measure { try await fleet.push(tasks) }.inSeconds
    let pushed = try await ServerFigures.of(redis)
    let log = TimeLog(folder.path + "/log")
    let processes = try (0..<workers).map { _ in
      try RunningProcess(
        CommandLine.arguments[0], ["work", server.url, folder.path, folder.path + "/log", "\(Self.slots)"])
    }
    for _ in 0..<tasks { _ = try await log.next() }
    while try await !fleet.queue.status(jobID: "job").isFinished { try await Task.sleep(for: .milliseconds(5)) }
    let done = try await ServerFigures.of(redis) - pushed
    let processor = try processes.reduce(0) { try $0 + processorTime(of: $1.pid) }
    for process in processes { process.sendToGroup(SIGKILL) }

    let times = log.times
    let working = Double(times[times.count - 1] - times[0]) / 1e9
    let count = Double(tasks)
    show("\(workers) worker\(workers == 1 ? "" : "s"): bare EVALSHA, one connection", "\(Int(bare)) a second")
    show("emitted and admitted, over bare EVALSHA", (count / pushing / bare).text())
    show("claimed, started, completed, recorded, told, over bare EVALSHA", (count / working / bare).text())
    show("all together, over bare EVALSHA", (count / (pushing + working) / bare).text())
    show(
      "script calls a task, pushing and working",
      "\((Double(pushed.scripts - empty.scripts) / count).text()), \((Double(done.scripts) / count).text())")
    show(
      "commands in Redis a task, pushing and working",
      "\((Double(pushed.commands - empty.commands) / count).text(0)), \((Double(done.commands) / count).text(0))")
    show(
      "processor time a task: Redis, workers",
      "\((done.processor / count * 1e6).text(0)) µs, \((processor / count * 1e6).text(0)) µs")
    show(
      "bytes to and from Redis a task, pushing and working",
      "\((pushed.traffic - empty.traffic) / tasks), \(done.traffic / tasks)")
    show(
      "Redis memory a queued task, a finished one",
      "\((pushed.memory - empty.memory) / tasks), \((done.memory + pushed.memory - empty.memory) / tasks) bytes")
  }
}

/// Calls a second of a trivial script over one connection, each sent when the one before is answered.
func bareRate(_ server: RedisServer, _ redis: RedisConnection) async throws -> Double {
  let sha = try await redis.send(["SCRIPT", "LOAD", "return redis.call('INCR', KEYS[1])"]).text ?? ""
  let result = try await runProcess(
    "/usr/bin/redis-benchmark",
    ["-s", server.socketPath, "-c", "1", "-n", "20000", "--csv", "evalsha", sha, "1", "counter"])
  let line = result.standardOutput.split(separator: "\n").last { $0.contains("evalsha") } ?? ""
  let rate = line.split(separator: ",").dropFirst().first.flatMap { Double($0.filter { $0 != "\"" }) }
  guard let rate else { fatalError("redis-benchmark printed: \(result.standardOutput)\(result.standardError)") }
  return rate
}
